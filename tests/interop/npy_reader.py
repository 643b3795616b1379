#!/usr/bin/env python3
"""NumPy itself, held against libnn's .npy files.

    npy_reader.py PROGRAM   runs the tests

PROGRAM is nn_interop_npy: libnn reads a file and writes it again.
"""

import os
import subprocess
import sys
import tempfile
import unittest

import numpy

FLOATS = ["f4", "f8"]
INTEGERS = [kind + size for kind in "iu" for size in "1248"]
SHAPES = [(), (7,), (0, 3), (5, 4), (2, 3, 4, 5)]


class NpyTest(unittest.TestCase):
    program = None

    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.rng = numpy.random.default_rng(7)

    def path(self, name):
        return os.path.join(self.folder.name, name)

    def run_program(self, wanted):
        return subprocess.run(
            [self.program, wanted, self.path("in.npy"), self.path("out.npy")],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            universal_newlines=True,
            timeout=60,
        )

    def through_libnn(self, array, wanted, version=None):
        """The array that libnn writes when it reads this one as `wanted`."""
        with open(self.path("in.npy"), "wb") as file:
            numpy.lib.format.write_array(file, array, version)
        run = self.run_program(wanted)
        self.assertEqual((run.returncode, run.stderr), (0, ""))
        return numpy.load(self.path("out.npy"), allow_pickle=False)

    def random_array(self, shape, dtype):
        """Of any bits, those of NaNs too."""
        dtype = numpy.dtype(dtype)
        count = int(numpy.prod(shape))
        data = self.rng.bytes(count * dtype.itemsize)
        return numpy.frombuffer(data, dtype).reshape(shape)

    def test_every_type_shape_and_order_comes_back_to_the_bit(self):
        for code in FLOATS + INTEGERS:
            for shape in SHAPES:
                for order in "<>":
                    for layout in "CF":
                        with self.subTest((order, code, shape, layout)):
                            given = self.random_array(shape, order + code)
                            array = numpy.asarray(given, order=layout)
                            got = self.through_libnn(array, code)
                            self.assertEqual(got.dtype, numpy.dtype("<" + code))
                            self.assertEqual(got.shape, shape)
                            self.assertEqual(
                                got.tobytes(),
                                given.astype("<" + code).tobytes(),
                            )

    def test_every_version_of_the_format_is_read(self):
        array = numpy.arange(12, dtype="<i4").reshape(3, 4)
        for version in [(1, 0), (2, 0), (3, 0)]:
            got = self.through_libnn(array, "i4", version)
            numpy.testing.assert_array_equal(got, array)

    def test_numbers_are_converted_as_numpy_does(self):
        halves = numpy.arange(1 << 16, dtype="<u2").view("<f2")
        finite = halves[numpy.isfinite(halves)]
        for array in [
            finite,
            self.rng.standard_normal((5, 6)),
            self.random_array((100,), "<i8"),
            self.random_array((100,), "<u8"),
            self.rng.integers(0, 2, (4, 5)).astype(bool),
        ]:
            for wanted in FLOATS:
                got = self.through_libnn(array, wanted)
                expected = array.astype("<" + wanted)
                self.assertEqual(got.tobytes(), expected.tobytes())
        flags = numpy.array([True, False])
        self.assertEqual(self.through_libnn(flags, "u1").tolist(), [1, 0])

    def test_what_a_type_does_not_hold_is_refused(self):
        for array, wanted in [
            (numpy.array([1.5]), "i4"),
            (numpy.array([300]), "u1"),
            (numpy.array([1e300]), "f4"),
            (numpy.array(["a"]), "f4"),
            (numpy.array([1j]), "f4"),
            (numpy.array([(1, 2)], dtype=[("a", "<i4"), ("b", "<f4")]), "f4"),
            (numpy.array([None, {}], dtype=object), "f4"),
        ]:
            with self.subTest(array.dtype):
                numpy.save(self.path("in.npy"), array, allow_pickle=True)
                run = self.run_program(wanted)
                self.assertEqual(run.returncode, 1)
                self.assertIn("in.npy: ", run.stderr)
                self.assertFalse(os.path.exists(self.path("out.npy")))


if __name__ == "__main__":
    NpyTest.program = sys.argv.pop(1)
    unittest.main()
