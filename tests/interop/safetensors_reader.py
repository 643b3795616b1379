#!/usr/bin/env python3
"""An independent reader and writer of safetensors, held against libnn.

Written from the format's public description alone
(huggingface.co/docs/safetensors), with nothing but the standard library:

    8 bytes   N, an unsigned little-endian 64-bit integer
    N bytes   a JSON object in UTF-8 that begins with '{' and may end in
              spaces: for every tensor its "dtype", "shape" and
              "data_offsets" [begin, end) into the rest of the file; and
              optionally "__metadata__", an object of strings
    the rest  the tensors, little-endian, in C order, without a gap

    safetensors_reader.py --self-test PROGRAM   runs the tests
    safetensors_reader.py FILE                  lists the tensors of FILE

PROGRAM is nn_interop_weights: libnn's side.
"""

import json
import os
import random
import struct
import subprocess
import sys
import tempfile
import unittest

ITEM_BYTES = {"F64": 8, "F32": 4}
ITEM_CODE = {"F64": "d", "F32": "f", "F16": "e", "I64": "q", "BOOL": "?"}
# The description limits the header so that nobody reserves memory for a
# damaged length.
MAX_HEADER_BYTES = 100_000_000
ALIGNMENT = 8


class FormatError(Exception):
    """The file is not what the format's description says."""


def require(condition, message):
    if not condition:
        raise FormatError(message)


def no_duplicates(pairs):
    result = {}
    for key, value in pairs:
        require(key not in result, f"two entries are named {key!r}")
        result[key] = value
    return result


def is_size(value):
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def parse(data):
    """The tensors in the bytes of a file: {name: (dtype, shape, values)}."""
    require(len(data) >= 8, "shorter than the header's length")
    (header_bytes,) = struct.unpack_from("<Q", data)
    require(header_bytes <= MAX_HEADER_BYTES, "the header is too long")
    require(8 + header_bytes <= len(data), "the header is cut off")
    text = data[8 : 8 + header_bytes]
    require(text[:1] == b"{", "the header does not begin with '{'")
    try:
        header = json.loads(
            text.decode("utf-8"), object_pairs_hook=no_duplicates
        )
    except ValueError as error:
        raise FormatError(f"the header is not JSON: {error}") from error
    require(isinstance(header, dict), "the header is not an object")

    metadata = header.pop("__metadata__", {})
    require(isinstance(metadata, dict), "__metadata__ is not an object")
    for key, value in metadata.items():
        require(isinstance(value, str), f"metadata {key!r} is not a string")

    body = data[8 + header_bytes :]
    tensors = {}
    ranges = []
    for name, entry in header.items():
        require(isinstance(entry, dict), f"{name}: not an object")
        require(
            set(entry) == {"dtype", "shape", "data_offsets"},
            f"{name}: has {sorted(entry)}",
        )
        dtype, shape = entry["dtype"], entry["shape"]
        offsets = entry["data_offsets"]
        require(
            isinstance(dtype, str) and dtype in ITEM_BYTES,
            f"{name}: type {dtype!r} is unknown",
        )
        require(
            isinstance(shape, list) and all(map(is_size, shape)),
            f"{name}: shape {shape!r}",
        )
        require(
            isinstance(offsets, list)
            and len(offsets) == 2
            and all(map(is_size, offsets)),
            f"{name}: offsets {offsets!r}",
        )
        begin, end = offsets
        count = 1
        for size in shape:
            count *= size
        require(begin <= end <= len(body), f"{name}: lies outside the file")
        require(
            end - begin == count * ITEM_BYTES[dtype],
            f"{name}: shape {shape} does not fit {end - begin} bytes",
        )
        ranges.append((begin, end, name))
        values = struct.unpack(f"<{count}{ITEM_CODE[dtype]}", body[begin:end])
        tensors[name] = (dtype, shape, values)

    position = 0
    for begin, end, name in sorted(ranges):
        require(begin == position, f"{name}: a gap or an overlap before it")
        position = end
    require(position == len(body), "bytes are left over at the end")
    return tensors


def pack(dtype, values):
    if dtype == "BF16":  # the upper halves of floats
        return b"".join(struct.pack("<f", value)[2:] for value in values)
    return struct.pack(f"<{len(values)}{ITEM_CODE[dtype]}", *values)


class Sequential:
    """Names as torch.nn.Sequential gives them: modules stand under their place,
    or under their keys where an OrderedDict names them. A module is the shapes
    of its parameters."""

    def __init__(self, modules):
        if isinstance(modules, list):
            modules = {str(i): module for i, module in enumerate(modules)}
        self.shapes = {
            f"{key}.{name}": shape
            for key, module in modules.items()
            for name, shape in module.items()
        }
        self.state = {}

    def load_state_dict(self, tensors):
        """Strict, as PyTorch's is unless it is told otherwise."""
        missing = sorted(self.shapes.keys() - tensors.keys())
        unexpected = sorted(tensors.keys() - self.shapes.keys())
        require(not missing, f"Missing key(s) in state_dict: {missing}")
        require(not unexpected, f"Unexpected key(s): {unexpected}")
        for name, (_, shape, _) in tensors.items():
            require(shape == self.shapes[name], f"size mismatch for {name}")
        self.state = dict(tensors)


def serialize(tensors, metadata=None, padded=True):
    """The bytes of a file that holds {name: (dtype, shape, values)}."""
    header = {}
    if metadata is not None:
        header["__metadata__"] = metadata
    body = b""
    for name, (dtype, shape, values) in tensors.items():
        packed = pack(dtype, values)
        header[name] = {
            "dtype": dtype,
            "shape": shape,
            "data_offsets": [len(body), len(body) + len(packed)],
        }
        body += packed
    text = json.dumps(header).encode("utf-8")
    if padded:
        text += b" " * (-len(text) % ALIGNMENT)
    return struct.pack("<Q", len(text)) + text + body


def replace_header(data, change):
    """The file with its header changed by change(dict), the body as it was."""
    (header_bytes,) = struct.unpack_from("<Q", data)
    header = json.loads(data[8 : 8 + header_bytes])
    change(header)
    text = json.dumps(header).encode("utf-8")
    return struct.pack("<Q", len(text)) + text + data[8 + header_bytes :]


def value_of(parameter, element):
    """What libnn's side saves as this element of this parameter."""
    return ((element * 37 + parameter * 101) % 1009 - 504) / 64.0


class SafetensorsTest(unittest.TestCase):
    program = None

    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)

    def path(self, name):
        return os.path.join(self.folder.name, name)

    def run_program(self, *arguments):
        return subprocess.run(
            [self.program, *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            universal_newlines=True,
            timeout=60,
        )

    def shapes(self):
        """{name: shape} of libnn's network."""
        lines = self.run_program("describe").stdout.splitlines()
        result = {}
        for line in lines:
            name, *sizes = line.split()
            result[name] = [int(size) for size in sizes]
        self.assertEqual(len(result), 6)
        return result

    def saved(self, dtype, command="save"):
        """The bytes of a file that libnn saves."""
        path = self.path("saved.safetensors")
        run = self.run_program(command, dtype, path)
        self.assertEqual((run.returncode, run.stderr), (0, ""))
        with open(path, "rb") as file:
            return file.read()

    def load(self, dtype, data):
        """libnn's answer to a file of these bytes."""
        path = self.path("loaded.safetensors")
        with open(path, "wb") as file:
            file.write(data)
        return self.run_program("load", dtype, path)

    def loaded_values(self, dtype, data):
        run = self.load(dtype, data)
        self.assertEqual((run.returncode, run.stderr), (0, ""))
        result = {}
        for line in run.stdout.splitlines():
            name, *values = line.split()
            result[name] = tuple(float.fromhex(value) for value in values)
        return result

    def random_tensors(self, dtype):
        rng = random.Random(7)
        result = {}
        for name, shape in self.shapes().items():
            count = 1
            for size in shape:
                count *= size
            values = [rng.gauss(0, 1) for _ in range(count)]
            # What a float holds, so that comparing may be exact.
            packed = struct.pack(f"<{count}{ITEM_CODE[dtype]}", *values)
            values = struct.unpack(f"<{count}{ITEM_CODE[dtype]}", packed)
            result[name] = (dtype, shape, values)
        return result

    def test_names_and_shapes_are_those_of_pytorch(self):
        # What torch.nn.Sequential names and shapes its parameters for a
        # Conv2d(2, 3, (4, 2)), ReLU, MaxPool2d(2), Linear, ReLU, Linear.
        self.assertEqual(
            self.shapes(),
            {
                "0.weight": [3, 2, 4, 2],
                "0.bias": [3],
                "3.weight": [7, 48],
                "3.bias": [7],
                "5.weight": [5, 7],
                "5.bias": [5],
            },
        )

    def test_a_file_of_libnn_holds_every_parameter(self):
        for dtype in ITEM_BYTES:
            with self.subTest(dtype):
                tensors = parse(self.saved(dtype))
                self.assertEqual(
                    {name: entry[1] for name, entry in tensors.items()},
                    self.shapes(),
                )
                for k, name in enumerate(self.shapes()):
                    self.assertEqual(tensors[name][0], dtype)
                    values = tensors[name][2]
                    self.assertEqual(
                        values,
                        tuple(value_of(k, i) for i in range(len(values))),
                    )

    def test_a_model_of_libnn_holds_its_weights_and_its_layers(self):
        for dtype in ITEM_BYTES:
            with self.subTest(dtype):
                data = self.saved(dtype, "model")
                self.assertEqual(parse(data), parse(self.saved(dtype)))
                (header_bytes,) = struct.unpack_from("<Q", data)
                metadata = json.loads(data[8 : 8 + header_bytes])[
                    "__metadata__"
                ]
                self.assertEqual(list(metadata), ["libnn.model"])
                model = json.loads(
                    metadata["libnn.model"], object_pairs_hook=no_duplicates
                )
                self.assertEqual(model["version"], 1)
                self.assertEqual(model["input_shape"], [2, 11, 9])
                self.assertEqual(
                    [layer["kind"] for layer in model["layers"]],
                    [
                        "Conv2d",
                        "ReLU",
                        "MaxPool2d",
                        "Linear",
                        "ReLU",
                        "Linear",
                        "Softmax",
                    ],
                )
                self.assertEqual(
                    model["layers"][0]["settings"]["kernel_size_h"], 4
                )
                # Who reads weights reads a model.
                self.assertEqual(
                    self.loaded_values(dtype, data),
                    self.loaded_values(dtype, self.saved(dtype)),
                )

    def test_the_data_of_a_file_of_libnn_is_aligned(self):
        for dtype in ITEM_BYTES:
            with self.subTest(dtype):
                (header_bytes,) = struct.unpack_from("<Q", self.saved(dtype))
                self.assertEqual((8 + header_bytes) % ALIGNMENT, 0)

    def test_libnn_loads_a_file_that_this_script_wrote(self):
        for dtype in ITEM_BYTES:
            tensors = self.random_tensors(dtype)
            expected = {name: entry[2] for name, entry in tensors.items()}
            backwards = dict(reversed(list(tensors.items())))
            files = {
                "plain": serialize(tensors),
                "unpadded header": serialize(tensors, padded=False),
                "metadata": serialize(tensors, {"format": "pt", "\u00e9": '"'}),
                "another order": serialize(backwards),
            }
            for kind, data in files.items():
                with self.subTest(kind, dtype=dtype):
                    self.assertEqual(self.loaded_values(dtype, data), expected)

    def test_libnn_converts_between_the_two_types(self):
        singles = self.random_tensors("F32")
        self.assertEqual(
            self.loaded_values("F64", serialize(singles)),
            {name: entry[2] for name, entry in singles.items()},
        )
        doubles = self.random_tensors("F64")
        rounded = {
            name: struct.unpack(
                f"<{len(entry[2])}f",
                struct.pack(f"<{len(entry[2])}f", *entry[2]),
            )
            for name, entry in doubles.items()
        }
        self.assertEqual(
            self.loaded_values("F32", serialize(doubles)), rounded
        )

    def test_libnn_converts_numbers_of_16_bits(self):
        shapes = self.shapes()
        for narrow in ("F16", "BF16"):
            tensors = {}
            for k, (name, shape) in enumerate(shapes.items()):
                count = 1
                for size in shape:
                    count *= size
                # Few enough digits for both types.
                values = tuple(
                    ((i * 37 + k) % 127 - 63) / 16.0 for i in range(count)
                )
                tensors[name] = (narrow, shape, values)
            expected = {name: entry[2] for name, entry in tensors.items()}
            for dtype in ITEM_BYTES:
                with self.subTest(narrow, dtype=dtype):
                    self.assertEqual(
                        self.loaded_values(dtype, serialize(tensors)), expected
                    )

    def test_a_tensor_that_is_not_wanted_is_named(self):
        for dtype, value in (("I64", 7), ("BOOL", True)):
            tensors = self.random_tensors("F32")
            tensors["1.num_batches_tracked"] = (dtype, [], (value,))
            run = self.load("F32", serialize(tensors))
            self.assertEqual((run.returncode, run.stdout), (1, ""))
            self.assertIn('found also "1.num_batches_tracked" []', run.stderr)

    def modules(self):
        """libnn's network in PyTorch, which needs a Flatten before a Linear."""
        conv = {"weight": [3, 2, 4, 2], "bias": [3]}
        first = {"weight": [7, 48], "bias": [7]}
        second = {"weight": [5, 7], "bias": [5]}
        return [conv, {}, {}, {}, first, {}, second]

    def named_modules(self):
        keys = ["0", "1", "2", "flatten", "3", "4", "5"]
        return dict(zip(keys, self.modules()))

    def test_places_behind_a_flatten_are_shifted(self):
        module = Sequential(self.modules())
        with self.assertRaisesRegex(FormatError, "4.bias"):
            module.load_state_dict(parse(self.saved("F32", "model")))
        # The other way round the message lists what is there.
        shifted = {"3.": "4.", "5.": "6."}
        tensors = {
            shifted.get(name[:2], name[:2]) + name[2:]: entry
            for name, entry in self.random_tensors("F32").items()
        }
        self.assertEqual(set(tensors), set(module.shapes))
        run = self.load("F32", serialize(tensors))
        self.assertEqual((run.returncode, run.stdout), (1, ""))
        self.assertIn('parameter "3.weight" [7, 48], found no', run.stderr)
        self.assertIn('the file has "4.weight" [7, 48], ', run.stderr)

    def test_modules_named_by_the_layers_places_fit_both_ways(self):
        module = Sequential(self.named_modules())
        module.load_state_dict(parse(self.saved("F32", "model")))
        values = {name: entry[2] for name, entry in module.state.items()}
        self.assertEqual(
            self.loaded_values("F32", serialize(module.state)), values
        )

    def damaged_files(self):
        good = self.saved("F32")
        (header_bytes,) = struct.unpack_from("<Q", good)
        body = 8 + header_bytes

        def header(change):
            return replace_header(good, change)

        def offsets(name, begin, end):
            def change(entries):
                old = entries[name]["data_offsets"]
                entries[name]["data_offsets"] = [old[0] + begin, old[1] + end]

            return header(change)

        def overlap(entries):
            entries["3.bias"]["data_offsets"] = entries["0.bias"][
                "data_offsets"
            ]
            entries["3.bias"]["shape"] = [3]

        return {
            "empty": b"",
            "half a length": good[:5],
            "length alone": good[:8],
            "cut in the header": good[: body - 10],
            "cut in the data": good[:-1],
            "no data": good[:body],
            "a byte too many": good + b"\0",
            "huge header length": struct.pack("<Q", 2**63) + good[8:],
            "all bits of the length": b"\xff" * 8 + good[8:],
            "header length too short": struct.pack("<Q", header_bytes - 8)
            + good[8:],
            "header length too long": struct.pack("<Q", header_bytes + 8)
            + good[8:],
            "not JSON": good[:8] + b"x" * header_bytes + good[body:],
            "an array for a header": struct.pack("<Q", 8)
            + b"[]      "
            + good[body:],
            "broken UTF-8": good.replace(b"0.bias", b"0.bi\xffs"),
            "unknown type": good.replace(b'"F32"', b'"X32"', 1),
            "a type of another size": good.replace(b'"F32"', b'"F64"', 1),
            "shape with another count": header(
                lambda entries: entries["5.bias"].update(shape=[6])
            ),
            "negative size": header(
                lambda entries: entries["5.bias"].update(shape=[-5])
            ),
            "sizes that overflow": header(
                lambda entries: entries["5.bias"].update(
                    shape=[2**32, 2**32, 5]
                )
            ),
            "fractional size": header(
                lambda entries: entries["5.bias"].update(shape=[5.5])
            ),
            "missing shape": header(
                lambda entries: entries["5.bias"].pop("shape")
            ),
            "offsets behind the end": offsets("0.bias", 10**6, 10**6),
            "offsets moved": offsets("0.bias", 4, 4),
            "offsets in the wrong order": header(
                lambda entries: entries["0.bias"]["data_offsets"].reverse()
            ),
            "overlapping tensors": header(overlap),
            "a tensor removed, its data left": header(
                lambda entries: entries.pop("3.weight")
            ),
            "metadata that is no string": header(
                lambda entries: entries.update(__metadata__={"a": 1})
            ),
        }

    def test_damaged_files_are_refused_by_this_reader(self):
        for kind, data in self.damaged_files().items():
            with self.subTest(kind):
                with self.assertRaises(FormatError):
                    parse(data)

    def test_damaged_files_are_refused_by_libnn(self):
        for kind, data in self.damaged_files().items():
            with self.subTest(kind):
                run = self.load("F32", data)
                self.assertEqual((run.returncode, run.stdout), (1, ""))
                self.assertIn("loaded.safetensors", run.stderr)

    def test_files_of_another_network_are_refused_by_libnn(self):
        tensors = self.random_tensors("F32")
        dtype, shape, values = tensors["3.weight"]
        cases = {
            "transposed": {**tensors, "3.weight": (dtype, shape[::-1], values)},
            "flattened": {
                **tensors,
                "3.weight": (dtype, [len(values)], values),
            },
            "one parameter too many": {
                **tensors,
                "7.bias": ("F32", [1], (1.0,)),
            },
            "one parameter missing": {
                name: entry
                for name, entry in tensors.items()
                if name != "5.bias"
            },
            "another name": {
                ("1.bias" if name == "0.bias" else name): entry
                for name, entry in tensors.items()
            },
        }
        for kind, case in cases.items():
            with self.subTest(kind):
                # The format itself is in order.
                self.assertEqual(set(parse(serialize(case))), set(case))
                run = self.load("F32", serialize(case))
                self.assertEqual((run.returncode, run.stdout), (1, ""))
                self.assertIn("loaded.safetensors", run.stderr)


def main(arguments):
    if len(arguments) == 2 and arguments[0] == "--self-test":
        SafetensorsTest.program = arguments[1]
        unittest.main(argv=[sys.argv[0]], verbosity=2)
    elif len(arguments) == 1 and not arguments[0].startswith("-"):
        with open(arguments[0], "rb") as file:
            try:
                tensors = parse(file.read())
            except FormatError as error:
                sys.exit(f"{arguments[0]}: {error}")
        for name, (dtype, shape, _) in tensors.items():
            print(name, dtype, shape)
    else:
        print(__doc__, file=sys.stderr)
        sys.exit(2)


if __name__ == "__main__":
    main(sys.argv[1:])
