"""The crawler example: that it visits what can be reached and nothing else, and ends by itself."""

import asyncio
import re
import shutil
import socket
import subprocess
import sys

import pytest
from programs import SECONDS, example_file, loaded_example, run_program

pytestmark = pytest.mark.once

PACKAGES = "json", "concurrent", "logging", "asyncio"
ALONE = "colorsys", "netrc"
"""Modules to which nothing links."""


@pytest.fixture(scope="module")
def example():
    with loaded_example("crawler") as module:
        yield module


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The pages that pydoc writes of some packages and modules; one of them is the first page of the site."""
    folder = tmp_path_factory.mktemp("site")
    library = [module for package in PACKAGES for module in modules(package)]
    command = [sys.executable, "-W", "ignore", "-m", "pydoc", "-w", *library, *ALONE]
    subprocess.run(command, cwd=folder, stdout=subprocess.DEVNULL, timeout=SECONDS, check=True)
    shutil.copy(folder / "asyncio.html", folder / "index.html")
    return folder


def modules(package):
    """Name a package and what is in it, as far as it can be imported here."""
    code = (
        f"import {package}, pkgutil; print(*(m.name for m in pkgutil.walk_packages({package}.__path__, '{package}.')))"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=SECONDS, check=True)
    return [package, *(name for name in found.stdout.split() if "windows" not in name and "__main__" not in name)]


@pytest.fixture(scope="module")
def site(folder):
    """Serve them, and give the URL."""
    command = [sys.executable, "-u", "-m", "http.server", "0", "--bind", "127.0.0.1"]
    with subprocess.Popen(command, cwd=folder, text=True, stdout=-1, stderr=subprocess.DEVNULL) as server:
        yield re.search(r"http://[\d.:]+/", server.stdout.readline())[0]
        server.terminate()


def walked(folder):
    """Walk through the files: the links of each page that can be reached, as paths, and what of these is not there."""
    pages, missing, todo = {}, set(), {"/"}
    while todo:
        path = todo.pop()
        file = folder / (path[1:] or "index.html")
        if not file.exists():
            missing.add(path)
            continue
        targets = {target.partition("#")[0] for target in re.findall(r'<a href="([^"]*)"', file.read_text())}
        pages[path] = {{".": "/", "": path}.get(target, f"/{target}") for target in targets if ":" not in target}
        todo |= pages[path] - pages.keys() - missing
    return pages, missing


@pytest.mark.parametrize("workers", [0, 1, 2, 3])
def test_every_page_that_can_be_reached_is_visited_once(example, folder, site, workers):
    expected, missing = walked(folder)
    assert len(expected) > 30
    assert len(missing) > 3
    for fetchers in (1, 4):
        found, report = example.crawl(site, fetchers, limit=1000, workers=workers)
        paths = {visit.url: visit.url.replace(site, "/") for visit in found.visits}
        pages = [visit for visit in found.visits if not visit.broken]
        assert {paths[page.url]: {paths[link] for link in page.links} for page in pages} == expected
        assert [page.size for page in pages] == [
            (folder / (paths[page.url][1:] or "index.html")).stat().st_size for page in pages
        ]
        assert {paths[bad.url]: {paths[url] for url in referrers} for bad, referrers in found.broken()} == {
            path: {page for page, links in expected.items() if path in links} for path in missing
        }
        assert found.left_out() == 0
        assert len(found.visits) == len(paths)
        assert sum(report.components[f"fetch_{number}"].firings for number in range(fetchers)) == len(paths)


@pytest.mark.parametrize("workers", [0, 2])
def test_a_limit(example, folder, site, workers):
    expected, missing = walked(folder)
    found, _ = example.crawl(site, 3, limit=20, workers=workers)
    assert len(found.visits) == len({visit.url for visit in found.visits}) == 20
    assert {visit.url.replace(site, "/") for visit in found.visits} <= expected.keys() | missing
    assert found.left_out() > 0


def test_a_site_that_is_not_there(example):
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        found, _ = example.crawl(f"http://127.0.0.1:{closed.getsockname()[1]}", 2, limit=10, workers=2)
    (visit,) = found.visits
    assert visit.broken
    assert (visit.status, visit.links) == (0, ())
    assert visit.reason.startswith("ConnectionRefusedError: ")


def test_components_alone(example):
    links = ("http://a/1", "http://a/2", "http://a/1", "http://a/3")
    assert example.seen.test(links=links, limit=9, known={"http://a/2"})["url"] == ["http://a/1", "http://a/3"]
    assert example.seen.test(links=links, limit=2)["url"] == ["http://a/1", "http://a/2"]
    page = example.Page("http://a/", 200, "OK", 0.5, b"<a href=1>", "utf-8")
    sent = example.links.test(page=page)
    assert sent["links"] == [("http://a/1",)]
    assert sent["visit"] == [example.Visit("http://a/", 200, "OK", 0.5, 10, ("http://a/1",), 0)]


def test_links_of_a_page(example):
    body = b"""<a href="b.html#x">b</a> <A HREF='/b.html'>b</A> <a href=" c d.html ">c</a> <a name=x>none</a> <a href>
        <a href="http://site:80/other">port</a> <a href="https://site/">scheme</a> <a href="mailto:a@site">mail</a>
        <a href="file:/etc/passwd">file</a> <a href="http://[">none</a> <a href="//site">site</a> <a href="?q=1">q</a>
        <a href="../up.html">up</a> <a href="#here">here</a> <!-- <a href="hidden.html"> -->"""
    visit = example.read(example.Page("http://site/a/", 200, "OK", 0, body, "utf-8"))
    own = ["a/b.html", "b.html", "a/c d.html", "", "a/?q=1", "up.html", "a/"]
    assert visit.links == tuple(f"http://site/{path}" for path in own)
    assert visit.elsewhere == 4
    assert example.read(example.Page("http://site/a/", 200, "OK", 0, body, "")).links == ()
    moved = example.Page("http://site/a", 301, "Moved Permanently", 0, body, "utf-8", "/a/")
    assert example.read(moved).links == ("http://site/a/",)
    assert not example.read(moved).broken


@pytest.mark.parametrize(
    ("answer", "status", "reason"),
    [
        (b"HTTP/1.0 204 No Content\r\n\r\n", 204, "No Content"),
        (b"HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n", 200, ""),
        (b"HTTP/1.0 200 OK\r\nContent-Length: 9\r\n\r\nshort", 0, "cut short"),
        (b"what?", 0, "ValueError"),
        (b"", 0, "ValueError"),
    ],
)
def test_answers_of_servers(example, answer, status, reason):
    async def reply(reader, writer):
        asked.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(answer)
        writer.close()

    async def ask():
        async with await asyncio.start_server(reply, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            return await example.get(f"http://127.0.0.1:{port}/a b?c=d&e=%20\u00e9")

    asked = []
    page = asyncio.run(ask())
    assert asked[0].startswith(b"GET /a%20b?c=d&e=%20%C3%A9 HTTP/1.0\r\nHost: 127.0.0.1:")
    assert page.status == status
    assert page.reason.startswith(reason)


def test_the_library_is_served(example):
    with example.library_site() as url:
        index, module, other = (asyncio.run(example.get(url + path)) for path in ("", "json.html", "cascata.html"))
    assert index.charset == module.charset == "utf-8"
    assert f"{url}json.html" in example.read(index).links
    assert f"{url}json.decoder.html" in example.read(module).links
    assert (other.status, other.reason) == (404, "Not Found")
    assert asyncio.run(example.get(url)).status == 0  # its process has gone


def run(*arguments, **options):
    """Run the example and give what it printed."""
    return run_program(example_file("crawler"), *arguments, **options)


def test_the_command_line(folder, site):
    expected, missing = walked(folder)
    text = run("--url", site, "--workers", 2, "--fetchers", 3, "--top", 2)
    first, second, *_ = text.splitlines()
    assert first == f"Crawl of {site}"
    assert second.startswith(f"pages {len(expected)} · links {sum(map(len, expected.values()))} · to other sites ")
    assert f"\nBroken: {len(missing)}\n  {min(missing)}: 404 File not found; linked from /" in text
    assert len(re.findall(r"^ +\d\.\d{3} s +[\d,]+ B  /", text, re.MULTILINE)) == 2
    assert "8 components, 2 workers," in text


def test_the_command_line_without_a_url():
    text = run("--limit", 40)
    pages, broken = (int(re.search(rf"^{word}:? (\d+)", text, re.MULTILINE)[1]) for word in ("pages", "Broken"))
    assert pages + broken == 40
    assert "\nnot visited, because of the limit: " in text


@pytest.mark.parametrize(
    "arguments", ["--url localhost", "--fetchers 0", "--limit 0", "--top 0", "--workers -1", "--fetchers many"]
)
def test_the_command_line_refuses_what_makes_no_sense(arguments):
    assert "error: " in run(*arguments.split(), expect=2)
