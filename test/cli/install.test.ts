/** The stages of install-tfjs-node after the download, and the command as a whole where something is missing. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { findTfjs } from '../../lib/backends/tfjs_package.js';
import { ownInstaller, unreachable } from '../../lib/cli/tfjs_node/own_way.js';
import { findProject, installPackage } from '../../lib/cli/tfjs_node/package.js';
import { probe } from '../../lib/cli/tfjs_node/probe.js';
import { unpack } from '../../lib/cli/tfjs_node/unpack.js';
import type { Wheel } from '../../lib/cli/tfjs_node/wheel.js';
import { tfjsInstalled } from '../support/installed.js';
import { flaxen, programs, root, temporary } from '../support/command.js';

const silent = (): void => undefined;
const python = ['python3', 'python'].find((name) => spawnSync(name, ['--version']).status === 0);

function write(path: string, text: string): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
}

/** A project that has tfjs-node without its binding. */
function projectWithTfjs(script = ''): string {
  const project = temporary();
  const modules = join(project, 'node_modules');
  write(join(project, 'package.json'), '{}');
  write(join(modules, '@tensorflow/tfjs-node/package.json'), '{"version":"4.22.0"}\n');
  write(join(modules, '@tensorflow/tfjs-node/scripts/install.js'), script);
  write(join(modules, '@mapbox/node-pre-gyp/package.json'), '{}');
  return project;
}

describe.skipIf(python === undefined)(`unpacking${python === undefined ? ' (needs Python, which is absent)' : ''}`, () => {
  const wheel = { sha256: 'f00d' } as Wheel;
  const files = {
    'tensorflow/libtensorflow_cc.so.2': 'cc',
    'tensorflow/libtensorflow_framework.so.2': 'framework',
    'tensorflow/include/tensorflow/c/c_api.h': 'header',
    'tensorflow/include/tsl/platform/a.h': 'tsl',
    'tensorflow/include/google/protobuf/b.h': 'not needed',
    'tensorflow/python/c.py': 'not needed',
  };

  function makeWheel(folder: string): string {
    const path = join(folder, 'made.whl');
    const code = `import json, sys, zipfile
with zipfile.ZipFile(sys.argv[1], 'w') as z:
    for name, text in json.loads(sys.argv[2]).items(): z.writestr(name, text)`;
    expect(spawnSync(python!, ['-c', code, path, JSON.stringify(files)]).status).toBe(0);
    return path;
  }

  it('takes the two libraries and the headers of the C API, and adds the names they are looked up by', () => {
    const folder = temporary();
    unpack(makeWheel(folder), wheel, folder, silent, 1);
    const deps = join(folder, 'deps');
    expect(
      readdirSync(deps, { recursive: true, withFileTypes: true })
        .filter((f) => f.isFile())
        .map((f) => f.name)
        .sort(),
    ).toEqual(['a.h', 'c_api.h', 'flaxen-wheel', 'libtensorflow_cc.so.2', 'libtensorflow_framework.so.2']);
    expect(readFileSync(join(deps, 'lib/libtensorflow.so.2.9.1'), 'utf8')).toBe('cc');
    expect(readlinkSync(join(deps, 'lib/libtensorflow_framework.so'))).toBe('libtensorflow_framework.so.2');
  });

  it('happens once', () => {
    const folder = temporary();
    const path = makeWheel(folder);
    unpack(path, wheel, folder, silent, 1);
    const said: string[] = [];
    unpack('/nowhere', wheel, folder, (line) => said.push(line), 1);
    expect(said).toEqual(['the libraries are unpacked already']);
  });

  it('leaves nothing half done', () => {
    const folder = temporary();
    write(join(folder, 'broken.whl'), 'PK broken');
    expect(() => unpack(join(folder, 'broken.whl'), wheel, folder, silent, 1)).toThrow(/failed \(status 1\)\. Delete .*broken\.whl/);
    expect(readdirSync(folder)).toEqual(['broken.whl']);
  });
});

describe("tfjs-node's own installer", () => {
  it('is left out where its host cannot be reached', async () => {
    expect(await unreachable('http://127.0.0.1:9/', 2000)).toMatch(/127\.0\.0\.1 cannot be reached \(.+\)/);
  });
  it('is left out where its host keeps silent', async () => {
    const server = createServer(silent).listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    try {
      const { port } = server.address() as AddressInfo;
      expect(await unreachable(`http://127.0.0.1:${port}/`, 100)).toBe('127.0.0.1 cannot be reached (no answer in 0.1 s)');
    } finally {
      server.close();
    }
  });
  it('leaves the package.json that it edits as it was', () => {
    const project = projectWithTfjs(`require('fs').writeFileSync('package.json', '{"edited":true}'); process.exit(1);`);
    const tfjs = findTfjs(project)!;
    ownInstaller(tfjs);
    expect(readFileSync(join(tfjs.folder, 'package.json'), 'utf8')).toBe('{"version":"4.22.0"}\n');
  });
});

describe('the project', () => {
  it('is the nearest folder with a package.json', () => {
    const project = projectWithTfjs();
    mkdirSync(join(project, 'src', 'deep'), { recursive: true });
    expect(findProject(join(project, 'src', 'deep'))).toBe(project);
    expect(() => findProject(temporary())).toThrow('there is no package.json in');
  });
  it('of another package manager gets that one’s command', () => {
    const project = temporary();
    write(join(project, 'package.json'), '{}');
    write(join(project, 'pnpm-lock.yaml'), '');
    expect(() => installPackage(project)).toThrow(
      'Run "pnpm add --save-optional --ignore-scripts @tensorflow/tfjs-node@4.22.0", then this again.',
    );
  });
});

describe('flaxen install-tfjs-node', () => {
  it.skipIf(!tfjsInstalled)(`has nothing to do where tfjs-node runs${tfjsInstalled ? '' : ' (needs tfjs-node, which is absent)'}`, () => {
    const { status, out } = flaxen(['install-tfjs-node'], root);
    expect(out).toMatch(/^✓ tfjs-node 4\.\S+ with TensorFlow \S+ is there already: .*\n$/);
    expect(status).toBe(0);
  });

  it('does not take a binding that does not load for one that is there', () => {
    const project = projectWithTfjs();
    const there = findTfjs(project)!;
    write(there.binding, 'not a library');
    expect(probe(there).tensorflow).toBeNull();
    const { status, out, err } = flaxen(['install-tfjs-node', '--from-wheel'], project, { PATH: temporary(), CXX: undefined });
    expect(out).not.toMatch(/is there already/);
    expect(err).toMatch(/^flaxen: no C\+\+ compiler \(looked for c\+\+, g\+\+, clang\+\+\).*\n$/);
    expect(status).toBe(1);
  });

  it('says before any download that Python is missing', () => {
    const PATH = programs({ 'c++': 'exit 0' });
    const { status, err } = flaxen(['install-tfjs-node', '--from-wheel'], projectWithTfjs(), { PATH, PYTHON: undefined, CXX: undefined });
    expect(err).toMatch(/^flaxen: no Python 3\.8 or newer .*\n$/);
    expect(status).toBe(1);
  });

  it('says before any download that pip is missing', () => {
    const PATH = programs({ 'c++': 'exit 0', python3: '[ "$1" = -c ]' });
    const { status, err } = flaxen(['install-tfjs-node', '--from-wheel'], projectWithTfjs(), { PATH, PYTHON: undefined, CXX: undefined });
    expect(err).toMatch(/^flaxen: python3 has no pip\. Install it \(.*\), or name another Python in PYTHON\.\n$/);
    expect(status).toBe(1);
  });

  it('says which version the project has where it is not the tested one', () => {
    const project = projectWithTfjs();
    write(join(project, 'node_modules/@tensorflow/tfjs-node/package.json'), '{"version":"4.21.0"}\n');
    const { out } = flaxen(['install-tfjs-node', '--from-wheel'], project, { PATH: temporary(), CXX: undefined });
    expect(out).toContain('it is 4.21.0, which the project asks for; flaxen is tested with 4.22.0\n');
  });

  it('needs a project', () => {
    const { status, err } = flaxen(['install-tfjs-node'], temporary());
    expect(err).toMatch(/^flaxen: there is no package\.json in .*: run this in your project's folder, after "npm init"\.\n$/);
    expect(status).toBe(1);
  });
});
