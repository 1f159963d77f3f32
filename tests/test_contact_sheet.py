"""The contact sheet example: what it reads, where on the sheet it is, and what it says about what it cannot read."""

import os
import re
import struct
import zlib

import pytest
from programs import example_file, loaded_example, run_program

from cascata import Graph, component, inport, outport

pytestmark = pytest.mark.once

np = pytest.importorskip("numpy")
Image = pytest.importorskip("PIL.Image")

COLOURS = [(200, 30, 40), (30, 160, 60), (40, 60, 200), (220, 190, 20), (20, 180, 190), (150, 40, 170), (90, 90, 90)]
SIZES = [(100, 67), (100, 77), (100, 91), (40, 30), (70, 100), (50, 100), (30, 100)]


@pytest.fixture(scope="module")
def example():
    with loaded_example("contact_sheet") as module:
        yield module


@pytest.fixture
def folder(tmp_path):
    """Pictures of one colour each, in files whose order by name is that of the colours, and one that is broken."""
    folder = tmp_path / "pictures"
    (folder / "inner").mkdir(parents=True)
    for number, colour in enumerate(COLOURS):
        size = (40, 30) if number == 3 else (300 - 40 * number, 200)
        Image.new("RGB", size, colour).save(folder / ("inner" if number > 4 else "") / f"{number}.PNG")
    (folder / "inner" / "broken.png").write_bytes((folder / "0.PNG").read_bytes()[:60])
    (folder / "no_picture.txt").write_text("no picture")
    return folder


def run(*arguments, **options):
    """Run the example and give what it printed."""
    return run_program(example_file("contact_sheet"), *arguments, **options)


def opened(file):
    """Read a sheet."""
    with Image.open(file) as page:
        assert page.format == "PNG"
        page.load()
        return page


def places(page, colours):
    """Find where on a page areas of these colours are: centre, width and height."""
    pixels = np.asarray(page)
    found = []
    for colour in colours:
        ys, xs = np.nonzero((pixels == colour).all(axis=2))
        found.append(((xs.min() + xs.max() + 1) / 2, (ys.min() + ys.max() + 1) / 2, np.ptp(xs) + 1, np.ptp(ys) + 1))
        assert len(xs) == found[-1][2] * found[-1][3]  # a rectangle without gaps
    return found


def test_every_picture_is_in_its_place_with_any_number_of_workers(example, folder, tmp_path, leaves_nothing):
    sheets = []
    for workers in (0, 1, 2):
        plan = example.Plan([folder], tmp_path / f"{workers}.png", side=100, columns=3)
        summary, search, _ = example.make_sheet(plan, workers)
        sheets.append(plan.output.read_bytes())
        assert summary.kinds == {"PNG": 7}
        assert summary.pixels == 200 * (300 + 260 + 220 + 140 + 100 + 60) + 40 * 30
        assert summary.size == sum(file.stat().st_size for file in folder.rglob("*.PNG"))
        assert [entry.path.name for entry in summary.unreadable] == ["broken.png"]
        assert (search.found, search.painted) == (8, 0)
    assert len(set(sheets)) == 1

    page = opened(tmp_path / "0.png")
    assert page.size == summary.sheet
    found = places(page, COLOURS)
    assert [place[2:] for place in found] == SIZES
    step_x, step_y = found[1][0] - found[0][0], found[3][1] - found[0][1]
    assert min(step_x, step_y) > 100
    for number, (x, y, *_) in enumerate(found):
        row, column = divmod(number, 3)
        assert abs(x - found[0][0] - column * step_x) <= 1
        assert abs(y - found[0][1] - row * step_y) <= 1
    corner = page.getpixel((page.width - 1, page.height - 1))
    assert page.getpixel((int(found[2][0]), int(found[6][1]))) == corner  # nothing beside the last picture


@pytest.mark.parametrize(
    ("name", "make"),
    [
        ("grey.png", lambda file: Image.new("L", (40, 30), 120).save(file)),
        ("palette.gif", lambda file: Image.new("RGB", (40, 30), (120, 120, 120)).quantize().save(file)),
        ("cmyk.jpg", lambda file: Image.new("CMYK", (40, 30), (0, 0, 0, 135)).save(file, quality=95)),
        ("floats.tiff", lambda file: Image.fromarray(ramp() * np.float32(1e9)).save(file)),
        ("deep.png", lambda file: Image.fromarray((ramp() * 60_000).astype(np.uint16)).save(file)),
        ("clear.png", lambda file: Image.new("RGBA", (40, 30), (0, 0, 0, 135)).save(file)),
        ("moving.gif", lambda file: frames(120, 0, 255).save(file, save_all=True, append_images=[frames(7)])),
        ("moving.webp", lambda file: frames(120).save(file, save_all=True, append_images=[frames(7)], lossless=True)),
        (os.fsdecode(b"caf\xe9\n.png"), lambda file: Image.new("L", (40, 30), 120).save(file)),
    ],
)
def test_pictures_of_all_kinds_are_read(example, tmp_path, name, make):
    make(tmp_path / name)
    picture = example.read(tmp_path / name, 100)
    assert (picture.width, picture.height) == (40, 30)
    assert picture.pixels.shape == (30, 40, 3)
    assert picture.pixels.dtype == np.uint8
    assert abs(int(picture.pixels[:, 19:21].mean()) - 120) <= 8
    example.make_sheet(example.Plan([tmp_path], tmp_path / "sheet.png"), 0)
    assert opened(tmp_path / "sheet.png")


def ramp():
    return np.tile(np.linspace(0, 1, 40, dtype=np.float32), (30, 1))


def frames(*levels):
    return Image.new("RGB", (40, 30), levels[0:1] * 3)


def test_a_picture_taken_with_the_camera_on_its_side_is_upright(example, tmp_path):
    image = Image.new("RGB", (60, 20), COLOURS[0])
    image.paste(COLOURS[1], (0, 0, 30, 20))
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned clockwise
    image.save(tmp_path / "side.png", exif=exif)
    picture = example.read(tmp_path / "side.png", 100)
    assert (picture.width, picture.height, picture.pixels.shape) == (20, 60, (60, 20, 3))
    assert tuple(picture.pixels[0, 0]) == COLOURS[1]
    assert tuple(picture.pixels[-1, 0]) == COLOURS[0]


def test_a_large_jpeg_is_decoded_at_a_fraction_of_its_size(example, tmp_path):
    Image.new("L", (2000, 1000), 120).save(tmp_path / "large.jpg")
    picture = example.read(tmp_path / "large.jpg", 100)
    assert (picture.width, picture.height) == (2000, 1000)
    assert picture.pixels.shape == (250, 500, 3)


def png_that_claims(width, height):
    """Give a PNG with a header and next to no pixels."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    parts = chunk(b"IHDR", header), chunk(b"IDAT", zlib.compress(b"\0")), chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "no picture, or of a kind that Pillow does not know"),
        (b"nonsense" * 100, "no picture"),
        (png_that_claims(40, 30), "OSError: image file is truncated"),
        (png_that_claims(9_000, 8_000), "ValueError: 9,000 x 8,000 pixels are too many"),
        (png_that_claims(12_000, 8_000), "ValueError: 12,000 x 8,000 pixels are too many"),
        (png_that_claims(90_000, 80_000), "DecompressionBombError: "),
        (png_that_claims(0, 0), ""),
    ],
)
def test_what_cannot_be_read_is_told_and_harms_nothing(example, tmp_path, content, reason):
    (tmp_path / "odd.png").write_bytes(content)
    Image.new("L", (40, 30), 120).save(tmp_path / "fine.png")
    summary, _, _ = example.make_sheet(example.Plan([tmp_path], tmp_path / "sheet.png"), 0)
    assert summary.kinds.total() == 1
    (entry,) = summary.unreadable
    assert entry.path.name == "odd.png"
    assert entry.reason.startswith(reason)


def test_pixels_go_to_another_worker_as_a_view(example, folder):
    @component
    @inport("picture")
    @outport("seen")
    async def look(picture, seen):
        await seen.send((picture.pixels.flags.writeable, picture.pixels.flags.owndata, picture.pixels[0, 0].tolist()))

    graph = Graph()
    graph.decode = example.decode
    graph.look = look
    graph.decode.file < folder / "0.PNG"
    graph.decode.side < 100
    graph.decode.picture >> graph.look.picture
    graph.place(graph.decode, worker=0)
    graph.place(graph.look, worker=1)
    assert graph.run(num_workers=2, collect=[graph.look.seen]).collected["look.seen"] == [(False, False, [200, 30, 40])]


def test_components_alone(example, folder):
    shared = example.find.test(plan=example.Plan([folder], folder / "4.PNG", limit=3))
    files = {file for name in ("left", "right") for file in shared[name]}
    assert shared["search"] == [example.Search(7, 0)]  # without the sheet itself
    assert len(files) == 3

    decoded = example.decode.test(file=folder / "0.PNG", side=100)
    (picture,) = decoded["picture"]
    assert not decoded["unreadable"]
    (thumbnail,) = example.scale.test(picture=picture, side=100)["thumbnail"]
    assert thumbnail.pixels.shape == (67, 100, 3)
    assert (thumbnail.path, thumbnail.width, thumbnail.kind) == (folder / "0.PNG", 300, "PNG")
    (sharper,) = example.sharpen.test(picture=thumbnail)["sharper"]
    assert (sharper.pixels == COLOURS[0]).all()
    assert not example.decode.test(file=folder / "gone.png", side=100)["picture"]


def test_edges_are_sharpened(example):
    pixels = np.zeros((3, 6, 3), np.uint8)
    pixels[:, :3], pixels[:, 3:] = 100, 140
    assert example.sharpened(pixels)[1, :, 0].tolist() == [100, 100, 95, 145, 140, 140]
    pixels[:, :3], pixels[:, 3:] = 0, 255
    assert example.sharpened(pixels)[1, :, 0].tolist() == [0, 0, 0, 255, 255, 255]


def test_files_with_several_names_and_what_is_no_file(example, folder):
    (folder / "again.png").symlink_to("0.PNG")
    (folder / "dangling.png").symlink_to("nowhere")
    (folder / "folder.png").mkdir()
    os.mkfifo(folder / "pipe.png")
    files = example.picture_files([folder, folder / "inner"])
    assert sorted(file.name for file in files) == [*(f"{number}.PNG" for number in range(7)), "broken.png"]


def test_decoders_are_kept_apart(example, tmp_path):
    shards = example.sheet_graph(example.Plan([tmp_path], tmp_path / "sheet.png")).shard(2)
    workers = [{component.name for component in shard.components} for shard in shards]
    assert not any({"decode_left", "decode_right"} <= names for names in workers)


def test_a_machine_without_pictures_gets_some(example, tmp_path):
    (tmp_path / "spare").mkdir()
    plan = example.Plan([], tmp_path / "sheet.png", side=32, spare=tmp_path / "spare")
    summary, search, _ = example.make_sheet(plan, 2)
    assert (search.found, search.painted) == (0, example.ENOUGH)
    assert summary.kinds == {"JPEG": 6, "PNG": 6, "WEBP": 6, "GIF": 6}
    assert not summary.unreadable


def test_the_command_line(folder, tmp_path):
    (folder / os.fsdecode(b"caf\xe9.png")).touch()
    output = tmp_path / "out.png"
    arguments = folder, "--workers", "2", "--size", "64", "--columns", "4", "-o", output
    text, heading, report = run(*arguments).partition("\nThe run\n")
    assert heading
    assert "found       9 picture files\n" in text
    assert "unreadable  2\n" in text
    assert "  broken.png: " in text
    assert "  caf?.png: no picture" in text
    assert "shown       7 (7 PNG)" in text
    assert "decoded     0.2 megapixels" in text
    width, height = map(int, re.search(r"sheet +([\d,]+) x ([\d,]+) pixels, .*out.png", text).groups())
    assert opened(output).size == (width, height)
    assert "6 components, 2 workers," in report
    first = output.read_bytes()
    run(*arguments, environment={"PYTHONUTF8": "0", "PYTHONIOENCODING": "ascii"})
    assert output.read_bytes() == first
    assert "3 largest taken" in run(folder, "--limit", "3", "-o", folder / "0.png")


def test_the_command_line_without_pictures(tmp_path):
    text = run(tmp_path, "-o", tmp_path / "out.png", "--workers", "0", expect=1)
    assert "found       0 picture files" in text
    assert "no sheet has been written" in text
    assert not (tmp_path / "out.png").exists()


@pytest.mark.parametrize(
    "arguments",
    ["no/such/folder", "--size 0", "--columns 0", "--limit 0", "--workers -1", "--output no/such/folder/a.png"],
)
def test_the_command_line_refuses_what_makes_no_sense(arguments):
    assert "error: " in run(*arguments.split(), expect=2)
