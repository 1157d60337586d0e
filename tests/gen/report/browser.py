"""A page opened in headless Chromium, and what it did there."""

import json
import re
import shutil
import subprocess

import pytest

__all__ = ["needs_chromium", "opened"]

CHROMIUM = shutil.which("chromium")
needs_chromium = pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed (apt-get install chromium)")

FLAGS = ("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
         "--disable-background-networking", "--disable-component-update", "--disable-sync",
         # What the browser itself would look for.
         "--host-resolver-rules=MAP * ~NOTFOUND", "--virtual-time-budget=10000")

# Before the page's own scripts: whatever goes wrong, and whatever is asked for beside the page itself.
FIRST = """<script>
const wrong = [];
addEventListener("error", event => wrong.push(String(event.message || event.target.src)), true);
addEventListener("unhandledrejection", event => wrong.push(String(event.reason)));
addEventListener("securitypolicyviolation", event => wrong.push(event.violatedDirective + " " + event.blockedURI));
const consoleError = console.error;
console.error = (...words) => { wrong.push(words.join(" ")); consoleError(...words); };
</script>"""
# After them: what was drawn.
LAST = """<script>
addEventListener("load", () => setTimeout(() => {
  const place = document.createElement("pre");
  place.id = "probe";
  place.textContent = JSON.stringify({
    wrong, requests: performance.getEntriesByType("resource").map(entry => entry.name),
    width: document.documentElement.scrollWidth,
    figures: Object.fromEntries([...document.querySelectorAll(".figure")].map(figure => [
      figure.previousElementSibling.textContent,
      {types: figure.data.map(trace => trace.type || "scatter"), width: figure.getBoundingClientRect().width,
       points: figure.querySelectorAll(".point path, .slice path, path.js-line, path.point").length,
       texts: [...figure.querySelectorAll("svg text")].map(text => text.textContent)}])),
    tables: [...document.querySelectorAll("table")].map(table => table.querySelectorAll("tbody tr").length)});
  document.body.append(place);
}, 500));
</script>"""


def opened(text, folder, width=1200):
    """Open a page; what was drawn, and what went wrong, as the probe above writes it."""
    path = folder / "probed.html"
    path.write_text(text.replace("<meta charset", FIRST + "<meta charset", 1).replace("</body>", LAST + "</body>"),
                    encoding="utf-8")
    done = subprocess.run([CHROMIUM, *FLAGS, f"--user-data-dir={folder / 'profile'}", f"--window-size={width},1000",
                           "--dump-dom", path.as_uri()], capture_output=True, text=True, timeout=120, check=False)
    found = re.search(r'<pre id="probe">(.*?)</pre>', done.stdout, re.DOTALL)
    assert found, done.stderr[-2000:]
    return json.loads(found[1].replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&"))
