"""A crawler: a loop that fetches every page of a site once, several at a time, and finds the links that are broken.

::

    python examples/crawler.py                                pydoc's pages of the standard library, served by itself
    python examples/crawler.py --fetchers 16 --limit 100      sixteen at a time, and a hundred pages at most
    python examples/crawler.py --url http://localhost:8000/   any other site
    python examples/crawler.py --serve                        serve the pages only, for a look at them in a browser

The graph::

    first URL ──▶ seen ──▶ fetch * 4 ──▶ links * 4 ──▶ survey ──▶ Crawl
                   ▲        balanced         │
                   └─────────────────────────┘
                         links of a page

`seen` knows all URLs that have ever come to it and lets only new ones through. A member of `fetch` has one page on its
way at a time, so as many pages are being fetched as there are members. A member of `links` reads the pages of one
fetcher, and sends what they link to back to `seen`. A page has many links, and they wait at its port, the only one
without bound. When no page is on its way and no link is left, nothing can ever go round again: then the loop ends by
itself, and `survey`, which is outside of it, sends on what it has gathered.
"""

from __future__ import annotations

import argparse
import asyncio
import http.client
import importlib
import io
import pydoc
import subprocess
import sys
import threading
import time
from contextlib import contextmanager, nullcontext, redirect_stdout, suppress
from dataclasses import dataclass
from html.parser import HTMLParser
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING
from urllib.parse import quote, urljoin, urlsplit

from cascata import Graph, component, inport, outport, persist

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cascata.run import Report

# What the components tell each other.


@dataclass(frozen=True, slots=True)
class Page:
    """What came for a URL: `status` is 0 if nothing did. `links` is where it redirects to, if it does."""

    url: str
    status: int
    reason: str
    seconds: float = 0.0
    body: bytes = b""
    charset: str = ""
    location: str = ""


@dataclass(frozen=True, slots=True)
class Visit:
    """A page that has been read: the URLs on its site that it links to, and how many others there are."""

    url: str
    status: int
    reason: str
    seconds: float
    size: int
    links: tuple[str, ...]
    elsewhere: int

    @property
    def broken(self) -> bool:
        """Tell whether a link to it is broken."""
        return not 200 <= self.status < 400  # noqa: PLR2004  the classes of HTTP


@dataclass(frozen=True, slots=True)
class Crawl:
    """All visits, in the order of their URLs."""

    visits: list[Visit]

    def broken(self) -> list[tuple[Visit, list[str]]]:
        """Pair what could not be fetched with the URLs of the pages that link there."""
        pairs = {visit.url: (visit, list[str]()) for visit in self.visits if visit.broken}
        for page in self.visits:
            for link in page.links:
                if link in pairs:
                    pairs[link][1].append(page.url)
        return list(pairs.values())

    def left_out(self) -> int:
        """Count the URLs that were not visited, because of the limit."""
        return len({link for visit in self.visits for link in visit.links} - {visit.url for visit in self.visits})


# The components and their graph.


@component
@inport("links", capacity=None)
@inport("limit")
@outport("url")
@persist("known", set)
async def seen(links: tuple[str, ...], limit: int, url: str, known: set[str]) -> None:
    """Send on the links that are new, as far as the limit goes."""
    for link in links:
        if link not in known.get() and len(known.get()) < limit:
            known.get().add(link)
            await url.send(link)


@component
@inport("url", capacity=1)
@outport("page")
async def fetch(url: str, page: Page) -> None:
    """Fetch a page; while it is on its way, other components run."""
    await page.send(await get(url))


@component
@inport("page", capacity=2)
@outport("links")
@outport("visit")
async def links(page: Page, links: tuple[str, ...], visit: Visit) -> None:
    """Read a page, and send back what it links to."""
    visited = read(page)
    await visit.send(visited)
    await links.send(visited.links)


@component
@inport("visit")
@outport("crawl")
@persist("visits", list)
async def survey(visit: Visit, crawl: Crawl, visits: list[Visit]) -> None:
    """Gather the visits, which come in any order."""
    visits.get().append(visit)


@survey.finish
async def conclude(crawl: Crawl, visits: list[Visit]) -> None:
    """Send them in order, once the loop has ended."""
    await crawl.send(Crawl(sorted(visits.get(), key=lambda visit: visit.url)))


def crawler_graph(url: str, fetchers: int, limit: int) -> Graph:
    """Build the graph that begins with a URL."""
    graph = Graph()
    graph.seen = seen
    graph.fetch = fetch * fetchers
    graph.links = links * fetchers
    graph.survey = survey

    graph.seen.links < (absolute(url, ""),)  # what sets the loop going
    graph.seen.limit < limit
    graph.seen.url >> graph.fetch.url
    graph.fetch.page >> graph.links.page
    graph.links.links >> graph.seen.links
    graph.links.visit >> graph.survey.visit
    return graph


# Fetching and reading pages: plain functions that know nothing of graphs.

PATIENCE = 60.0
"""Seconds that a page may take."""


async def get(url: str) -> Page:
    """Fetch a page, or say why there is none."""
    started = time.perf_counter()
    try:
        async with asyncio.timeout(PATIENCE):
            answer = await ask(url)
        head, _, body = answer.partition(b"\r\n\r\n")
        line, _, fields = head.partition(b"\r\n")
        _, status, *words = line.decode("latin-1").split(" ", 2)
        headers = http.client.parse_headers(io.BytesIO(fields))
        if len(body) < int(headers.get("Content-Length", 0)):
            return Page(url, 0, "cut short")
    except (OSError, ValueError, http.client.HTTPException) as error:  # no connection, no HTTP
        return Page(url, 0, f"{type(error).__name__}: {error}".removesuffix(": "))
    return Page(
        url=url,
        status=int(status),
        reason=" ".join(words),
        seconds=time.perf_counter() - started,
        body=body,
        charset=(headers.get_content_charset() or "utf-8") if headers.get_content_type() == "text/html" else "",
        location=headers.get("Location", ""),
    )


async def ask(url: str) -> bytes:
    """Give all that a server answers. In HTTP 1.0 an answer ends with its connection."""
    parts = urlsplit(url)
    secure = parts.scheme == "https"
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port or (443 if secure else 80), ssl=secure)
    try:
        target = quote(parts._replace(scheme="", netloc="").geturl(), safe="/?%:@!$&'()*+,;=~")
        writer.write(f"GET {target} HTTP/1.0\r\nHost: {parts.netloc}\r\n\r\n".encode())
        return await reader.read()
    finally:
        writer.close()


class Anchors(HTMLParser):
    """Notes where the links of a page lead."""

    def __init__(self) -> None:
        """Begin without any."""
        super().__init__()
        self.targets: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note one."""
        if tag == "a":
            self.targets += [value.strip() for name, value in attrs if name == "href" and value]


def read(page: Page) -> Visit:
    """Find the links of a page."""
    anchors = Anchors()
    if page.charset:
        anchors.feed(page.body.decode(page.charset, errors="replace"))
    targets = [page.location] if page.location else anchors.targets
    urls = dict.fromkeys(filter(None, (absolute(page.url, target) for target in targets)))
    site = urlsplit(page.url)[:2]
    own = tuple(url for url in urls if urlsplit(url)[:2] == site)
    return Visit(page.url, page.status, page.reason, page.seconds, len(page.body), own, len(urls) - len(own))


def absolute(base: str, target: str) -> str:
    """Give the URL that a link on a page leads to, without the place on that page; nothing if it is no URL."""
    try:
        parts = urlsplit(urljoin(base, target))
    except ValueError:
        return ""
    return parts._replace(path=parts.path or "/" * bool(parts.netloc), fragment="").geturl()


# The site: pydoc's pages of the standard library, each made when it is asked for.

UNSERVED = {"antigravity", "idlelib", "lib2to3", "test", "tests", "this", "tkinter", "turtledemo", "__main__"}
"""What does something when it is imported, or whose pages are many or very large."""


class Library(BaseHTTPRequestHandler):
    """Answers with the page of a module, or with the list of all modules."""

    def do_GET(self) -> None:
        """Answer."""
        name = self.path.strip("/").removesuffix(".html")
        try:
            text = module_page(name) if name else index_page()
        except Exception as error:  # noqa: BLE001  what an import raises; some modules are for other systems
            self.send_error(404, explain=f"{type(error).__name__}: {error}")
            return
        body = text.encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def served(name: str) -> bool:
    """Tell whether a module is one of this Python's own library that can have a page."""
    parts = name.split(".")
    return parts[0] in sys.stdlib_module_names and UNSERVED.isdisjoint(parts)


def module_page(name: str) -> str:
    """Give the page of a module."""
    if not served(name):
        raise LookupError(name)
    return pydoc.html.page(name, pydoc.html.document(importlib.import_module(name), name))


def index_page() -> str:
    """Give the page that links to all modules that are in no package."""
    names = [name for name in sorted(sys.stdlib_module_names) if served(name)]
    return pydoc.html.page("The standard library", " ".join(f'<a href="{name}.html">{name}</a>' for name in names))


def serve() -> None:
    """Print the URL of the site, and serve it until the standard input ends."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Library) as server, suppress(KeyboardInterrupt):
        print(f"http://127.0.0.1:{server.server_port}/", flush=True)
        with redirect_stdout(None):  # whatever modules print that are imported
            threading.Thread(target=server.serve_forever, daemon=True).start()
            sys.stdin.read()
            server.shutdown()


@contextmanager
def library_site() -> Iterator[str]:
    """Serve the site in a process of its own, as all modules are imported there, and give its URL."""
    command = [sys.executable, "-W", "ignore", __file__, "--serve"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:  # noqa: S603
        yield server.stdout.readline().strip()


# The program.


def crawl(url: str, fetchers: int, limit: int, workers: int | None) -> tuple[Crawl, Report]:
    """Run the graph."""
    graph = crawler_graph(url, fetchers, limit)
    report = graph.run(num_workers=workers, collect=[graph.survey.crawl])
    (found,) = report.collected["survey.crawl"]
    return found, report


def summary(found: Crawl, url: str, top: int) -> Iterator[str]:
    """Write what has been found, line by line; a URL without the site's, which all have in common."""

    def path(url: str) -> str:
        return url.removeprefix(site)

    site = urljoin(url, "/").rstrip("/")
    broken = found.broken()
    pages = [visit for visit in found.visits if not visit.broken]
    yield (
        f"pages {len(pages):,} · links {sum(len(page.links) for page in pages):,} · "
        f"to other sites {sum(page.elsewhere for page in pages):,} · {sum(page.size for page in pages) / 1e6:.1f} MB"
    )
    if left_out := found.left_out():
        yield f"not visited, because of the limit: {left_out:,}"
    yield from ("", f"Broken: {len(broken):,}")
    for bad, referrers in broken[:top]:
        why = f"{bad.status} {bad.reason}" if bad.status else bad.reason
        more = f" and {len(referrers) - 1:,} more" if len(referrers) > 1 else ""
        yield f"  {path(bad.url)}: {why}; linked from {', '.join(map(path, referrers[:1])) or 'nowhere'}{more}"
    yield from ("", "Slowest")
    for page in sorted(pages, key=lambda page: -page.seconds)[:top]:
        yield f"  {page.seconds:7.3f} s {page.size:>10,} B  {path(page.url)}"


def main() -> None:
    """Crawl and print."""
    options = argparse.ArgumentParser(description="Fetch every page of a site, and find the links that are broken.")
    options.add_argument("--url", help="the first page; by default pydoc's pages are served and crawled")
    options.add_argument("--fetchers", type=int, default=4, help="how many pages are fetched at a time")
    options.add_argument("--limit", type=int, default=10_000, help="how many pages are visited at most")
    options.add_argument("--workers", type=int, help="worker processes; by default as many as there are CPUs")
    options.add_argument("--top", type=int, default=10, help="how many entries the lists have")
    options.add_argument("--serve", action="store_true", help="serve pydoc's pages until the standard input ends")
    given = options.parse_args()
    if given.serve:
        serve()
        return
    if given.url and not given.url.startswith(("http://", "https://")):
        options.error(f"--url {given.url}: it begins with http:// or https://")
    if min(given.fetchers, given.limit, given.top) < 1 or (given.workers or 0) < 0:
        options.error("--fetchers, --limit and --top are 1 or more, --workers 0 or more")
    with nullcontext(given.url) if given.url else library_site() as url:
        found, report = crawl(url, given.fetchers, given.limit, given.workers)
        print(f"Crawl of {url}", *summary(found, url, given.top), "", report, sep="\n")


if __name__ == "__main__":
    main()
