"""The example notebook: executed as it lies there, with the picture and the report shown."""

import re
import xml.etree.ElementTree as ET

import pytest
from programs import example_file, run_notebook

pytestmark = [pytest.mark.once, pytest.mark.timeout(120)]


def test_the_notebook_shows_its_graph_and_its_report(tmp_path):
    outputs = run_notebook(example_file("names").with_suffix(".ipynb").read_text(), tmp_path)
    _, alone, graph, report, names, largest = outputs
    assert "('" in alone[0]["data"]["text/plain"]
    picture = ET.fromstring(graph[-1]["data"]["image/svg+xml"])  # noqa: S314  our own
    assert picture.tag.endswith("svg")
    assert {"find", "parse", "total"} <= {text.strip() for text in picture.itertext()}
    printed = "".join(output["text"] for output in report if output["output_type"] == "stream")
    assert re.search(r"^5 components, 2 workers, [\d.]+ s\ncomponent +worker", printed)
    assert re.search(r"^total +\d +40 +40 +1 ", printed, re.MULTILINE)
    assert re.search(r"^self +[\d,]+$", "".join(output["text"] for output in names), re.MULTILINE)
    assert "self" in largest[-1]["data"]["text/plain"]
