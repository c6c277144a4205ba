/** TensorFlow's C library and its headers, out of the wheel into tfjs-node's deps/ folder. */
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Wheel } from './wheel.js';
import { findPython, needSpace, run, scratchFolder } from './tools.js';

/** The two libraries with the headers. */
const UNPACKED_BYTES = 950_000_000;

/** The names under which the linker and the loader look for the libraries; tfjs-node's installer looks for the last of them. */
const LINKS: Readonly<Record<string, readonly string[]>> = {
  'libtensorflow_cc.so.2': ['libtensorflow.so', 'libtensorflow.so.2', 'libtensorflow.so.2.9.1'],
  'libtensorflow_framework.so.2': ['libtensorflow_framework.so'],
};

/** Python's zipfile checks every file's CRC: WHEEL FOLDER LIBRARY... */
const UNZIP = `
import os, shutil, sys, zipfile
wheel, folder, *libraries = sys.argv[1:]
HEADERS = 'tensorflow/include/'
WANTED = tuple(HEADERS + name for name in ('tensorflow/c/', 'tensorflow/core/platform/', 'xla/tsl/', 'tsl/'))
with zipfile.ZipFile(wheel) as archive:
    for entry in archive.infolist():
        if entry.is_dir():
            continue
        if entry.filename.startswith(WANTED):
            target = os.path.join(folder, 'include', entry.filename[len(HEADERS):])
        elif entry.filename in ['tensorflow/' + library for library in libraries]:
            target = os.path.join(folder, 'lib', os.path.basename(entry.filename))
            print(f'{os.path.basename(entry.filename)}, {entry.file_size // 1_000_000} MB', flush=True)
        else:
            continue
        os.makedirs(os.path.dirname(target), exist_ok=True)
        with archive.open(entry) as source, open(target, 'wb') as copy:
            shutil.copyfileobj(source, copy, 1 << 20)
`;

/** Fills `package/deps` unless a run before has; the folder appears whole or not at all. */
export function unpack(path: string, wheel: Wheel, packageFolder: string, say: (line: string) => void, bytes = UNPACKED_BYTES): void {
  const deps = join(packageFolder, 'deps');
  const mark = join(deps, 'flaxen-wheel');
  if (existsSync(mark) && readFileSync(mark, 'utf8') === wheel.sha256) {
    say('the libraries are unpacked already');
    return;
  }
  const partial = scratchFolder(packageFolder, 'deps');
  try {
    needSpace(packageFolder, bytes, 'unpacking TensorFlow');
    mkdirSync(join(partial, 'lib'));
    const python = findPython();
    run(python, ['-c', UNZIP, path, partial, ...Object.keys(LINKS)], `Delete ${path} and run this again.`);
    for (const [library, links] of Object.entries(LINKS)) {
      for (const link of links) symlinkSync(library, join(partial, 'lib', link));
    }
    writeFileSync(join(partial, 'flaxen-wheel'), wheel.sha256);
    rmSync(deps, { recursive: true, force: true });
    renameSync(partial, deps);
  } finally {
    rmSync(partial, { recursive: true, force: true });
  }
}
