// A peer's side of the benchmark: one JSON request a line on stdin, one JSON answer a line on stdout (bench/README.md).
import { readFileSync } from 'node:fs';
import { performance } from 'node:perf_hooks';
import { createInterface } from 'node:readline';

function statusBytes(field) {
  try {
    const found = new RegExp(`^${field}:\\s+(\\d+)`, 'm').exec(readFileSync('/proc/self/status', 'utf8'));
    return found ? Number(found[1]) * 1024 : null;
  } catch {
    return null;
  }
}

/** Answers requests until stdin ends. `openJob(request)` returns run(steps), whose result or promise is a number once all steps have finished. */
export async function serve(hello, openJob) {
  const write = process.stdout.write.bind(process.stdout);
  console.log = console.error; // what a library prints must not look like an answer
  const jobs = new Map();

  const answer = async (request) => {
    switch (request.op) {
      case 'open': {
        const started = performance.now();
        const run = await openJob(request);
        const opened = performance.now();
        const value = await run(1);
        const done = performance.now();
        jobs.set(request.id, run);
        return { openMs: opened - started, firstMs: done - opened, value };
      }
      case 'run': {
        const run = jobs.get(request.id);
        const started = performance.now();
        const value = await run(request.steps);
        return { ms: performance.now() - started, value };
      }
      case 'close':
        jobs.delete(request.id);
        return {};
      case 'memory':
        return { resident: statusBytes('VmRSS') ?? process.memoryUsage().rss, peak: statusBytes('VmHWM') };
      default:
        throw new Error(`unknown op ${request.op}`);
    }
  };

  write(`${JSON.stringify(hello)}\n`);
  for await (const line of createInterface({ input: process.stdin })) {
    let reply;
    try {
      reply = await answer(JSON.parse(line));
    } catch (error) {
      // The harness names the job that failed and goes on with the others.
      console.error(error);
      reply = { error: String(error).slice(0, 300) };
    }
    write(`${JSON.stringify(reply)}\n`);
  }
}
