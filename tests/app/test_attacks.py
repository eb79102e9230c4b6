"""Each attack on the page is refused in a sentence, by the real server; nothing outside a room is given."""

import json
import socket
import threading
import time
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

pytest.importorskip("gradio", reason='no Gradio here (pip install "refrain-edit[app]")')

from app.serving import LIMITS, Browser, film, served, tiny
from editing.sessions import moving
from refrain.app.guard import HEADERS, accounts_of
from refrain.app.jobs import Job
from refrain.app.server import Server
from refrain.editing.request import OnProgress, Progress
from refrain.errors import BadInput


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny(tmp_path_factory.mktemp("model") / "tiny")


@pytest.fixture(scope="module")
def server(model: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with served(tmp_path_factory.mktemp("root"), model) as made:
        yield made


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return film(moving(), tmp_path_factory.mktemp("film"))


@pytest.fixture(scope="module")
def mine(server: Server, clip: bytes) -> tuple[Browser, str]:
    browser = Browser(server)
    return browser, browser.begun(clip)


def test_it_listens_on_this_machine_only(server: Server) -> None:
    assert server.host == "127.0.0.1" and server.address.startswith("http://127.0.0.1:")


def test_what_is_mine_is_shown_and_every_answer_carries_the_headers(mine: tuple[Browser, str]) -> None:
    browser, session = mine
    for path in ("/", f"/own/view/{session}/000.mp4", "/own/state", "/own/nothing", "/config"):
        answer, content = browser.get(path)
        assert {name: answer.getheader(name) for name in HEADERS} == HEADERS, path
        assert content
    answer, content = browser.get(f"/own/view/{session}/000.jpg")
    assert answer.status == 200 and content.startswith(b"\xff\xd8") and answer.getheader("content-type") == "image/jpeg"


def test_nobody_sees_anothers_session(server: Server, mine: tuple[Browser, str]) -> None:
    owner, session = mine
    stranger = Browser(server)
    for path in (f"/own/view/{session}/000.mp4", f"/own/take/{session}/0/clip", f"/own/take/{session}/0/record"):
        assert owner.get(path)[0].status == 200
        assert stranger.get(path)[0].status == 400
    assert stranger.state(session)["news"] == stranger.state("")["news"] and not stranger.state(session)["over"]
    assert owner.state(session)["over"]


def test_nobody_sees_what_is_being_drawn_for_another(server: Server, mine: tuple[Browser, str]) -> None:
    owner, session = mine
    stranger, enough = Browser(server), threading.Event()
    room = server.desk.rooms.of(owner.cookie.partition("=")[2])

    def work(tell: OnProgress) -> None:
        while not enough.wait(0.05):
            tell(Progress("denoise", 1, 2, lambda: torch.zeros(1, 3, 8, 8)))

    job = Job(room.key, session, "draw", work)
    server.desk.jobs.submit(job)
    while not owner.state(session)["jobs"][0]["looks"]:
        time.sleep(0.05)
    answer, picture = owner.get(f"/own/look/{job.id}?1")
    assert answer.status == 200 and picture.startswith(b"\xff\xd8") and answer.getheader("cache-control") == "no-store"
    assert stranger.get(f"/own/look/{job.id}?1")[0].status == 400 and not stranger.state(session)["jobs"]
    assert owner.get("/own/look/nothing")[0].status == 400 and owner.get("/own/look/../x")[0].status == 404
    enough.set()
    server.desk.jobs.wait(job)
    assert owner.get(f"/own/look/{job.id}?1")[0].status == 400, "it is kept no longer than it is drawn"


@pytest.mark.parametrize(
    "path",
    [
        "/own/view/../../../etc/passwd", "/own/view/%2e%2e/%2e%2e/etc/passwd", "/own/view/{s}/../session/turns.jsonl",
        "/own/view/{s}/..%2fsession%2fturns.jsonl", "/own/view/{s}/%2fetc%2fpasswd", "/own/view/{s}/..%5cused",
        "/own/view/{s}//etc/passwd", "/own/view/{s}/000.json", "/own/view/{s}/turns.jsonl", "/own/view/{s}/000.mp4%00",
        "/own/take/{s}/0/turns.jsonl", "/own/take/{s}/-1/clip", "/own/take/{s}/99/clip", "/own/take/../0/clip",
        "/gradio_api/file=/etc/passwd", "/gradio_api/file=http://169.254.169.254/", "/file=/etc/passwd",
        "/gradio_api/proxy=http://127.0.0.1/", "/gradio_api/upload", "/gradio_api/run/opened", "/gradio_api/call/x",
        "/gradio_api/queue/join", "/gradio_api/queue/data", "/gradio_api/run/predict/",
        "/gradio_api/component_server", "/gradio_api/openapi.json", "/monitoring", "/docs", "/svelte/x",
        "/static/../../../etc/passwd", "/assets/%2e%2e/%2e%2e/routes.py", "//etc/passwd", "/gradio_api/runs",
    ],
)  # fmt: skip
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_no_path_leads_out_of_the_room(mine: tuple[Browser, str], path: str, method: str) -> None:
    browser, session = mine
    answer, content = browser.ask(method, path.replace("{s}", session), b"{}" if method == "POST" else None)
    assert answer.status in {400, 404, 405}, (answer.status, content[:200])
    assert b"root:" not in content and b'"asked"' not in content and b'"session"' not in content


def test_links_are_not_followed(server: Server, mine: tuple[Browser, str], tmp_path: Path) -> None:
    browser, session = mine
    (tmp_path / "dear.mp4").write_bytes(b"dear")
    views = next(server.house.folder.glob(f"*/{session}/views"))
    (views / "077.mp4").symlink_to(tmp_path / "dear.mp4")
    (views.parent.parent / ("c" * 12)).symlink_to(views.parent)
    for path in (f"/own/view/{session}/077.mp4", f"/own/view/{'c' * 12}/000.mp4"):
        answer, content = browser.get(path)
        assert answer.status == 400 and b"dear" not in content


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"<svg xmlns='http://www.w3.org/2000/svg'><script>1</script></svg>", "SVG"),
        (b"<!doctype html><html><script>alert(1)</script></html>", "text file"),
        (b"#EXTM3U\nhttp://127.0.0.1/x.ts\n", "playlist"),
        (b"ffconcat version 1.0\nfile /etc/passwd\n", "playlist"),
        (b"", "empty"),
        (b"PK\x03\x04" + b"\0" * 5000, "none of the files"),
        (b"\0\0\0\x20ftypisom" + b"\0" * 9000, ""),
    ],
    ids=["svg", "html", "m3u", "concat", "empty", "zip", "broken"],
)
def test_what_is_no_clip_is_refused_and_leaves_nothing(server: Server, content: bytes, told: str) -> None:
    browser, before = Browser(server), files(server)
    status, said = browser.upload(content, "clip.mp4")
    assert status == 400 and told in said and str(server.house.folder) not in said
    assert files(server) == before


def test_a_file_that_is_too_large_is_refused_before_it_is_taken(server: Server) -> None:
    browser, before = Browser(server), files(server)
    line = socket.create_connection(("127.0.0.1", server.port), timeout=20)
    asked = f"POST /own/upload?name=x HTTP/1.1\r\nHost: 127.0.0.1\r\nCookie: {browser.cookie}\r\n"
    line.sendall(f"{asked}Content-Length: {2 << 30}\r\n\r\n".encode())  # and not a byte of it
    assert b" 413 " in line.recv(4096).split(b"\r\n")[0]
    line.close()
    answer, told = browser.ask("POST", "/own/upload?name=x", b"\0" * (LIMITS.file + 1))
    assert answer.status == 413 and b"3 MB" in told
    assert files(server) == before


def test_a_file_without_a_length_is_refused(server: Server) -> None:
    browser = Browser(server)
    line = socket.create_connection(("127.0.0.1", server.port), timeout=20)
    line.sendall(
        f"POST /own/upload?name=x HTTP/1.1\r\nHost: 127.0.0.1\r\nCookie: {browser.cookie}\r\n"
        "Transfer-Encoding: chunked\r\n\r\n4\r\nabcd\r\n".encode()
    )
    assert b" 411 " in line.recv(4096).split(b"\r\n")[0]
    line.close()


def test_other_requests_may_not_be_large(server: Server) -> None:
    answer, _ = Browser(server).ask("POST", "/gradio_api/run/predict", b" " * ((1 << 20) + 1))
    assert answer.status == 413


@pytest.mark.parametrize(
    "name", ["../../evil.mp4", "/etc/evil.mp4", "..\\evil.mp4", "a\0b.mp4", "<b>x</b>.mp4", "." * 300]
)
def test_a_files_name_is_never_a_path(server: Server, clip: bytes, name: str) -> None:
    browser, before = Browser(server), {path.name for path in server.house.folder.parent.iterdir()}
    session = browser.begun(clip, name)
    record = json.loads(browser.get(f"/own/take/{session}/0/record")[1])
    kept = record["turns"][0]["source"]
    assert "/" not in kept.replace("</b>", "") and ".." not in kept and "\\" not in kept and "\0" not in kept
    assert {path.name for path in server.house.folder.parent.iterdir()} == before
    answer, _ = browser.get(f"/own/take/{session}/0/clip")
    assert answer.status == 200 and "attachment" in (answer.getheader("content-disposition") or "")


def test_a_clip_too_long_or_too_wide_is_a_sentence(server: Server, tmp_path: Path) -> None:
    browser = Browser(server)
    wide = film(moving(1, (500, 660)), tmp_path)
    status, told = browser.upload(wide)
    assert status == 400 and "660×500" in told, told


def test_no_sentence_tells_where_the_server_keeps_things(server: Server, tmp_path: Path) -> None:
    browser = Browser(server)
    status, told = browser.upload(film(moving(48, (32, 48)), tmp_path), "long.mp4")  # 6 s
    said = told if status == 400 else browser.settled()["over"][-1]["told"]
    assert "take a part of it" in said and str(server.house.folder) not in said and "/" not in said


def test_another_page_may_not_speak_for_the_person(mine: tuple[Browser, str]) -> None:
    browser, _ = mine
    for headers in ({"Origin": "http://evil.test"}, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"}):
        assert browser.ask("POST", "/own/cancel/abc", b"", headers)[0].status == 403
        assert browser.ask("POST", "/gradio_api/run/predict", b"{}", headers)[0].status == 403
    own = {"Origin": f"http://127.0.0.1:{browser.port}", "Sec-Fetch-Site": "same-origin"}
    assert browser.ask("POST", "/own/cancel/abc", b"", own)[0].status == 200


def test_another_name_for_this_machine_is_refused(mine: tuple[Browser, str]) -> None:
    browser, _ = mine
    assert browser.get("/", headers={"Host": "evil.test"})[0].status == 421
    assert browser.get("/", headers={"Host": f"localhost:{browser.port}"})[0].status == 200


def test_without_a_cookie_there_is_no_room(server: Server, mine: tuple[Browser, str], clip: bytes) -> None:
    stranger = Browser(server)
    for cookie in ("", "refrain-room=../../etc", "refrain-room=" + "a" * 31):
        stranger.cookie = cookie
        assert stranger.get(f"/own/view/{mine[1]}/000.mp4")[0].status == 400
        assert stranger.upload(clip)[0] == 400


def test_the_cookie_is_out_of_reach_of_scripts_and_of_other_sites(server: Server) -> None:
    browser = Browser(server)
    browser.cookie = ""
    said = browser.get("/")[0].getheader("set-cookie") or ""
    assert "HttpOnly" in said and "SameSite=Strict" in said


def test_other_methods_are_unknown(mine: tuple[Browser, str]) -> None:
    for method in ("PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"):
        assert mine[0].ask(method, "/")[0].status == 405


def test_the_page_names_no_other_machine(server: Server) -> None:
    browser = Browser(server)
    _, content = browser.get("/")
    head = content.decode()
    for tag in ("<script", "<link"):
        for piece in head.split(tag)[1:]:
            opening = piece.partition(">")[0]
            assert "http://" not in opening and "https://" not in opening and '"//' not in opening, opening
    assert "url(http" not in browser.get("/theme.css")[1].decode()


def test_who_has_no_password_sees_nothing(model: Path, clip: bytes, tmp_path: Path) -> None:
    with served(tmp_path / "root", model, accounts=(("anna", "a:long word"),)) as server:
        stranger = Browser(server)
        for path in ("/", "/config", "/own/state", "/assets/x.js"):
            for said in (
                {},
                {"Authorization": "Basic " + b64encode(b"anna:wrong").decode()},
                {"Authorization": "Basic ="},
            ):
                answer, _ = stranger.get(path, headers=said)
                assert answer.status == 401 and "Basic" in (answer.getheader("www-authenticate") or "")
                assert answer.getheader("set-cookie") is None
        assert stranger.upload(clip)[0] == 401
        said = {"Authorization": "Basic " + b64encode(b"anna:a:long word").decode()}
        assert stranger.get("/", headers=said, wait=60)[0].status == 200


def test_accounts_are_a_name_and_a_password_or_a_file_of_them(tmp_path: Path) -> None:
    (tmp_path / "who").write_text("anna:one\n\nbert:two:three\n")
    assert accounts_of(str(tmp_path / "who")) == (("anna", "one"), ("bert", "two:three"))
    assert accounts_of("anna:one") == (("anna", "one"),) and accounts_of(None) == ()
    for said in ("anna", "anna:", ":one", str(tmp_path)):
        with pytest.raises(BadInput, match="--auth"):
            accounts_of(said)


def files(server: Server) -> set[str]:
    """Everything below the root."""
    return {str(path) for path in server.house.folder.rglob("*") if path.is_file()}
