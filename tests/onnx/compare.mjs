// Runs what libnn exported in ONNX Runtime and compares the results.
//
//   node compare.mjs PROGRAM FOLDER
//
// PROGRAM is nn_onnx_models, which writes models, inputs and libnn's outputs
// into FOLDER/models. ONNX Runtime is installed into FOLDER, once, with npm.
// Exits with 77, which CTest reports as skipped, where that cannot be done.

import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const SKIPPED = 77;
const TOLERANCE = 1e-5;
const PACKAGE = 'onnxruntime-node';
const INSTALL_MS = 240000;

if (process.argv.length !== 4) {
  console.error('usage: node compare.mjs PROGRAM FOLDER');
  process.exit(2);
}
const [program, folder] = process.argv
  .slice(2)
  .map((name) => path.resolve(name));

function loadRuntime() {
  const require = createRequire(path.join(folder, 'package.json'));
  try {
    return require(PACKAGE);
  } catch (error) {
    return null;
  }
}

function installRuntime() {
  fs.mkdirSync(folder, { recursive: true });
  const source = path.dirname(fileURLToPath(import.meta.url));
  fs.copyFileSync(
    path.join(source, 'package.json'),
    path.join(folder, 'package.json'),
  );
  // The package brings its library for the processor; its script would fetch
  // those for graphics cards.
  const flags = ['--ignore-scripts', '--no-audit', '--no-fund'];
  const run = spawnSync('npm', ['install', '--no-package-lock', ...flags], {
    cwd: folder,
    encoding: 'utf8',
    timeout: INSTALL_MS,
  });
  const runtime = loadRuntime();
  if (runtime === null) {
    console.log(`skipped: npm could not install ${PACKAGE}`);
    console.log(run.error ? String(run.error) : run.stderr);
    process.exit(SKIPPED);
  }
  return runtime;
}

function readFloats(file) {
  const bytes = fs.readFileSync(path.join(folder, 'models', file));
  const floats = new Float32Array(bytes.length / 4);
  for (let i = 0; i < floats.length; ++i) floats[i] = bytes.readFloatLE(4 * i);
  return floats;
}

function largestPlace(values) {
  let place = 0;
  for (let i = 1; i < values.length; ++i) {
    if (values[i] > values[place]) place = i;
  }
  return place;
}

// The outputs of `count` samples from `first` on, which are one batch.
async function run(session, ort, entry, input, first, count) {
  const features = entry.input_dims.reduce((a, b) => a * b, 1);
  const part = input.slice(first * features, (first + count) * features);
  const tensor = new ort.Tensor('float32', part, [count, ...entry.input_dims]);
  const { output } = await session.run({ input: tensor });
  const expected = [count, ...entry.output_dims];
  if (JSON.stringify(output.dims.map(Number)) !== JSON.stringify(expected)) {
    throw new Error(`expected an output of ${expected}, got ${output.dims}`);
  }
  return output.data;
}

async function compare(ort, entry) {
  const input = readFloats(entry.input);
  const expected = readFloats(entry.output);
  const model = path.join(folder, 'models', entry.model);
  const session = await ort.InferenceSession.create(model);
  const features = entry.output_dims.reduce((a, b) => a * b, 1);
  if (expected.length !== entry.samples * features) {
    throw new Error(`expected ${entry.samples} outputs of ${features}`);
  }
  let difference = 0;
  let largest = 1;
  let otherClasses = 0;
  // The batch size is left open: whole, one sample, and a few.
  for (const count of [entry.samples, 1, Math.min(7, entry.samples)]) {
    const actual = await run(session, ort, entry, input, 0, count);
    for (let n = 0; n < count; ++n) {
      const ours = expected.subarray(n * features, (n + 1) * features);
      const theirs = actual.subarray(n * features, (n + 1) * features);
      for (let i = 0; i < features; ++i) {
        const d = Math.abs(ours[i] - theirs[i]);
        if (!(d <= difference)) difference = d;
        largest = Math.max(largest, Math.abs(ours[i]));
      }
      if (largestPlace(ours) !== largestPlace(theirs)) ++otherClasses;
    }
  }
  const error = difference / largest;
  const good = error <= TOLERANCE && (!entry.classes || otherClasses === 0);
  const classes = entry.classes ? `, other classes: ${otherClasses}` : '';
  console.log(
    `${good ? 'ok  ' : 'FAIL'} ${entry.name}, ${entry.samples} samples: ` +
      `error ${error.toExponential(1)}${classes}`,
  );
  return good;
}

const ort = loadRuntime() ?? installRuntime();
const models = path.join(folder, 'models');
fs.rmSync(models, { recursive: true, force: true });
fs.mkdirSync(models, { recursive: true });
const made = spawnSync(program, [models], { stdio: 'inherit' });
if (made.status !== 0) {
  console.error(`${program} failed`);
  process.exit(1);
}
const list = JSON.parse(fs.readFileSync(path.join(models, 'models.json')));
let failures = 0;
for (const entry of list) {
  try {
    if (!(await compare(ort, entry))) ++failures;
  } catch (error) {
    console.log(`FAIL ${entry.name}: ${error.message}`);
    ++failures;
  }
}
if (list.length === 0) {
  console.log('FAIL no models');
  ++failures;
}
process.exit(failures === 0 ? 0 : 1);
