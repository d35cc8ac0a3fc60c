// The service's HTTP interface. The player's token lives in this browser; without one a player is made.
export class Problem extends Error { constructor(status, detail, title) { super(detail); this.status = status; this.title = title; } }
const key = "dropprod-token";
export const token = () => localStorage.getItem(key);
async function send(method, path, body, signed = true) {
  const headers = {};
  if (body !== undefined) headers["Content-Type"] = "application/json";
  if (signed && token()) headers.Authorization = `Bearer ${token()}`;
  const answer = await fetch(path, { method, headers, body: body === undefined ? undefined : JSON.stringify(body) });
  if (answer.status === 204) return null;
  const value = (answer.headers.get("content-type") || "").includes("json") ? await answer.json() : await answer.text();
  if (!answer.ok) throw new Problem(answer.status, value.detail || String(answer.status), value.title);
  return value;
}
export async function join(code) {
  const found = await send("POST", "/v1/players", code ? { code } : {}, false);
  localStorage.setItem(key, found.token);
  return found;
}
async function signed(method, path, body) {
  if (!token()) await join();
  try { return await send(method, path, body); } catch (problem) {
    if (problem.status !== 401) throw problem;
    await join(); // the token is not known here (any more): a new player
    return send(method, path, body);
  }
}
// A session's whole state: it comes in parts where its percentiles have to be found out first.
export async function whole(read) {
  const found = await read("since_s=0");
  for (let next = found; next.more;) {
    const ts = found.series.t;
    next = await read(`since_s=${ts.length ? ts[ts.length - 1] + 1 : 0}&since_event=${found.events.length}`);
    for (const [key, values] of Object.entries(next.series)) found.series[key] = (found.series[key] || []).concat(values);
    found.events = found.events.concat(next.events);
  }
  return found;
}
export const get = (path) => signed("GET", path);
export const open = (path) => send("GET", path, undefined, false);
export const post = (path, body = {}) => signed("POST", path, body);
export const put = (path, body) => signed("PUT", path, body);
export async function job(path, body, onProgress) {
  let found = await post(path, body);
  while (found.status === "waiting" || found.status === "running") {
    onProgress(found.progress);
    await new Promise((done) => setTimeout(done, 400));
    found = await get(`/v1/jobs/${found.job}`);
  }
  if (found.status === "failed") throw new Problem(500, found.error);
  return found.result;
}
// A session's stream: reconnects by itself, from where it was.
export function watch(session, onMessage, onLink) {
  let socket = null, second = 0, closed = false, tries = 0;
  const connect = () => {
    const scheme = location.protocol === "https:" ? "wss" : "ws";
    socket = new WebSocket(`${scheme}://${location.host}/v1/sessions/${session}/stream?since=${second}`, ["dropprod", token()]);
    socket.onopen = () => { if (tries) onLink(true); tries = 0; };
    socket.onmessage = (event) => {
      const message = JSON.parse(event.data);
      const points = message.series.t;
      if (points.length) second = points[points.length - 1] + 1;
      onMessage(message);
    };
    socket.onclose = () => {
      if (closed) return;
      if (!tries++) onLink(false);
      setTimeout(connect, Math.min(8000, 400 * 2 ** tries));
    };
  };
  connect();
  return () => { closed = true; socket.close(); };
}
