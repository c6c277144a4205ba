// Runs commands for the files that change in some folders, until Ctrl-C.
import { spawn } from 'node:child_process';
import { watch } from 'node:fs';
import { join } from 'node:path';

const QUIET = 100; // ms without another change before work begins: editors write a file in several steps
const PATIENCE = 3000; // ms that a command has to end by itself

/**
 * `first` are the commands at the start, `commandsFor(files)` those for changed files; a command is [title, program, arguments]. They run one after the other,
 * as far as they succeed; a change meanwhile ends the one that runs and begins anew.
 */
export async function loop({ root, folders, pattern, first, commandsFor }) {
  const changed = new Set();
  let timer = null;
  let child = null; // the command that runs now, and how it ends
  let turn = 0; // a change makes a new turn; what an older one still has to do is dropped

  for (const folder of folders) {
    watch(join(root, folder), { recursive: true }, (_, name) => {
      if (!pattern.test(name ?? '')) return;
      changed.add(`${folder}/${name}`);
      clearTimeout(timer);
      timer = setTimeout(() => void react(), QUIET);
    });
  }
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => void end());
  await work(first);

  async function react() {
    const files = [...changed];
    console.log(`\n── changed: ${files.join(' ')}`);
    await work(commandsFor(files));
  }

  async function work(commands) {
    const mine = ++turn;
    await stop();
    let status = 0;
    for (const [title, program, args] of commands) {
      if (mine !== turn) return;
      const started = Date.now();
      status = await execute(title, program, args);
      if (mine !== turn) return;
      console.log(`── ${title}: ${status === 0 ? 'done' : `failed (status ${status})`} in ${((Date.now() - started) / 1000).toFixed(1)} s`);
      if (status !== 0) break;
    }
    if (status === 0) changed.clear(); // after a failure the next change tries these files again
    console.log('── waiting for changes; Ctrl-C ends');
  }

  async function execute(title, program, args) {
    console.log(`\n── ${title}`);
    // A group of its own, so that it ends with everything that it has started.
    const own = spawn(program, args, { cwd: root, stdio: ['ignore', 'inherit', 'inherit'], detached: true });
    const ended = new Promise((resolve) => {
      own.on('error', ({ code }) => {
        console.error(`${program} could not be started (${code}): is it installed and on PATH?`);
        resolve(127);
      });
      own.on('close', (status) => resolve(status ?? 1));
    });
    child = { pid: own.pid, ended };
    const status = await ended;
    if (child?.pid === own.pid) child = null;
    return status;
  }

  /** Ends the command that runs, and waits for that: two builds must not be in one folder. */
  async function stop() {
    if (child?.pid === undefined) return;
    const { pid, ended } = child;
    signalGroup(pid, 'SIGTERM');
    const late = setTimeout(() => signalGroup(pid, 'SIGKILL'), PATIENCE);
    await ended;
    clearTimeout(late);
  }

  async function end() {
    turn++;
    await stop();
    console.log('\n── ended');
    process.exit(0);
  }
}

function signalGroup(pid, signal) {
  try {
    process.kill(-pid, signal);
  } catch {
    // it has just ended
  }
}
