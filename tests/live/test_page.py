"""The page in a real browser: the demo from the card to the CTO's verdict, by keyboard, on a phone, in both languages.

Screenshots go to the folder DROPPROD_SHOTS names, to be looked at.
"""

from __future__ import annotations

import base64
import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.live.browser import CHROMIUM, DRIVER, chromium, service

pytest.importorskip("selenium")
pytestmark = pytest.mark.skipif(
    not (CHROMIUM and DRIVER), reason="no Chromium with its driver on this machine"
)
SHOTS = os.environ.get("DROPPROD_SHOTS")


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with service(tmp_path_factory.mktemp("home")) as found:
        yield found


@pytest.fixture
def browser() -> Iterator[Any]:
    found = chromium()
    yield found
    found.quit()


def keep(browser: Any, name: str) -> None:
    if SHOTS:
        width, height = browser.execute_script(
            "return [innerWidth, Math.min(3000, document.documentElement.scrollHeight)]"
        )
        whole = {"x": 0, "y": 0, "width": width, "height": height, "scale": 1}
        shot = browser.execute_cdp_cmd(
            "Page.captureScreenshot", {"captureBeyondViewport": True, "clip": whole}
        )
        (Path(SHOTS) / f"{name}.png").write_bytes(base64.b64decode(shot["data"]))


def find(browser: Any, css: str) -> Any:
    return browser.find_element("css selector", css)


def until(browser: Any, script: str, seconds: float = 60.0) -> Any:
    """Wait until a script says something true."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = browser.execute_script(f"return {script}")
        if found:
            return found
        time.sleep(0.1)
    raise AssertionError(f"never true: {script}\n{browser.find_element('tag name', 'body').text[:2000]}")


def begin(browser: Any, address: str, word: str = "payment-service") -> None:
    browser.get(address)
    until(browser, "document.querySelectorAll('.cards li').length > 5")
    cards = browser.find_elements("css selector", ".cards li")
    card = next(c for c in cards if word in c.text)
    card.find_element("tag name", "button").click()
    until(browser, "document.querySelector('#line')")


def run(browser: Any, line: str) -> None:
    before = browser.execute_script("return document.querySelectorAll('.term .cmd').length")
    field = find(browser, "#line")
    field.send_keys(line)
    field.send_keys("\n")
    until(browser, f"document.querySelectorAll('.term .cmd').length > {before}")


def complaints(browser: Any) -> list[str]:
    return [
        entry["message"] for entry in browser.get_log("browser") if entry["level"] in ("SEVERE", "WARNING")
    ]


def overflow(browser: Any) -> int:
    found: int = browser.execute_script(
        "return document.documentElement.scrollWidth - document.documentElement.clientWidth"
    )
    return found


def test_the_demo_from_the_card_to_the_verdict(browser: Any, address: str) -> None:
    begin(browser, address)
    run(browser, "deploy payment-service v2.8.1")
    run(browser, "wait 200")
    until(browser, "/P1/.test(document.querySelector('.bar').textContent)")
    labels = until(
        browser,
        "(x => x.length > 4 && x)([...document.querySelectorAll('.charts svg')]"
        ".map(s => s.getAttribute('aria-label')).filter(s => !/нет данных/.test(s)))",
    )
    assert labels[0].startswith("Успешность")
    axis = browser.execute_script(
        "return [...document.querySelectorAll('.charts svg')[0].querySelectorAll('text')].map(x => x.textContent)"
    )
    assert "100 %" in axis
    assert any(":" in x for x in axis)
    assert browser.execute_script("return document.querySelectorAll('.charts .mark').length") > 3
    sick = browser.execute_script("return document.querySelector('.topo svg').getAttribute('aria-label')")
    assert "payments-db: bad" in sick
    until(browser, "/14:03/.test(document.querySelector('.charts svg').textContent)")
    wide = "[...document.querySelectorAll('.topo text')].filter(x => x.getComputedTextLength() > 132).length"
    assert browser.execute_script(f"return {wide}") == 0, "texts stay within their boxes"
    keep(browser, "incident")
    run(browser, "kubectl rollout undo deployment/payment-service")
    run(browser, "wait 700")
    until(browser, "/закрыт/.test(document.querySelector('.bar').textContent)")
    assert overflow(browser) <= 0
    find(browser, "a.button.main").click()
    until(browser, "document.querySelector('#text')")
    find(browser, "#text").send_keys(
        "Канарейка с автоматическим откатом по доле ошибок, Иванов, до 5 декабря\nПул 50 -> 500\nБыть внимательнее"
    )
    until(browser, "document.querySelectorAll('.facts button').length > 5")
    next(b for b in browser.find_elements("css selector", "button.main") if b.text == "Отдать CTO").click()
    until(browser, "document.querySelectorAll('.level').length > 3", 240)
    shown = browser.execute_script(
        "return [...document.querySelectorAll('.cards svg')].map(s => s.ariaLabel)"
    )
    assert any(s.startswith("Успешность. без меры") for s in shown), (
        "each item's run as a curve beside the one played"
    )
    assert any("до восстановления: без меры 7:" in s for s in shown), (
        "from the breach, not from the start of play"
    )
    keep(browser, "verdict")
    assert complaints(browser) == []


def test_nothing_is_asked_of_another_host(browser: Any, address: str) -> None:
    begin(browser, address)
    time.sleep(1)
    asked = set()
    for entry in browser.get_log("performance"):
        message = json.loads(entry["message"])["message"]
        if message["method"] == "Network.requestWillBeSent":
            asked.add(message["params"]["request"]["url"].split("/")[2])
    assert asked == {address.split("/")[2]}


def test_the_keyboard_is_enough(browser: Any, address: str) -> None:
    """Tab to the first card's button, Enter; in the terminal history and completion."""
    browser.get(address)
    until(browser, "document.querySelectorAll('.cards li').length > 5")
    body = find(browser, "body")
    for _ in range(40):
        body = browser.switch_to.active_element
        if browser.execute_script("return document.activeElement.closest('.cards') !== null"):
            break
        body.send_keys("\ue004")
    browser.switch_to.active_element.send_keys("\n")
    until(browser, "document.activeElement && document.activeElement.id === 'line'")
    run(browser, "status")
    field = find(browser, "#line")
    field.send_keys("\ue013")
    assert field.get_attribute("value") == "status"
    field.clear()
    field.send_keys("kubectl\ue004")
    until(browser, "document.querySelector('#line').value === 'kubectl '")


@pytest.mark.parametrize(("language", "word"), [("ru-RU", "Сценарии"), ("en-GB", "Scenarios")])
def test_a_phone_and_the_dark(address: str, language: str, word: str) -> None:
    browser = chromium(390, 844, language, dark=True)
    try:
        browser.get(address)
        until(browser, "document.querySelectorAll('.cards li').length > 5")
        assert find(browser, "h1").text == word
        assert browser.execute_script("return innerWidth") == 390
        assert overflow(browser) <= 0
        keep(browser, f"phone-home-{language[:2]}")
        begin(browser, address)
        run(browser, "status")
        time.sleep(1)
        assert overflow(browser) <= 0
        back = browser.execute_script("return getComputedStyle(document.body).backgroundColor")
        assert sum(int(x) for x in back.strip("rgb()").split(",")) < 150
        keep(browser, f"phone-{language[:2]}")
        assert complaints(browser) == []
    finally:
        browser.quit()


def test_an_interview_with_a_drawing(browser: Any, address: str) -> None:
    browser.get(f"{address}/#/interviews")
    until(browser, "document.querySelectorAll('#prompt option').length >= 8")
    find(browser, "form button.main").click()
    until(browser, "document.querySelectorAll('.chat div').length === 1")
    find(browser, "#answer").send_keys("lb -> api x40 -> db cores 32\napi -> cache hit 90%")
    until(browser, "document.querySelectorAll('.topo rect').length === 4")
    keep(browser, "interview")
    next(b for b in browser.find_elements("css selector", "button.main") if b.text == "Сказать").click()
    until(browser, "document.querySelectorAll('.chat div').length >= 3", 60)
    assert complaints(browser) == []


def test_other_pages(browser: Any, address: str) -> None:
    for page in ("library", "progress", "stories"):
        browser.get(f"{address}/#/{page}")
        until(browser, "document.querySelector('h1') && !/Загрузка/.test(document.body.textContent)")
        assert overflow(browser) <= 0
    browser.get(f"{address}/#/library")
    until(browser, "document.querySelectorAll('article').length >= 20")
    keep(browser, "library")
    assert complaints(browser) == []


def test_a_link_opens_without_a_player(browser: Any, address: str) -> None:
    begin(browser, address)
    run(browser, "deploy payment-service v2.8.1")
    link = browser.execute_async_script(
        "const done = arguments[0]; import('/web/js/api.js').then(async (api) => {"
        "const s = location.hash.split('/')[2]; done((await api.post(`/v1/sessions/${s}/shares`, {})).token); })"
    )
    browser.execute_script("localStorage.clear()")
    browser.get(f"{address}/#/shared/{link}")
    browser.refresh()
    until(browser, "document.querySelectorAll('.term .cmd').length >= 1")
    assert "deploy payment-service" in find(browser, ".term").text
    assert browser.execute_script("return localStorage.length") == 0
