"""A peer's side of the benchmark: one JSON request a line on stdin, one JSON answer a line on stdout (bench/README.md)."""
import json
import os
import sys
import time
import traceback


def _status_bytes(field):
    try:
        with open('/proc/self/status') as status:
            for line in status:
                if line.startswith(field + ':'):
                    return int(line.split()[1]) * 1024
    except OSError:
        pass
    return None


def memory():
    """Resident bytes now and the most so far; None where the system does not tell."""
    return {'resident': _status_bytes('VmRSS'), 'peak': _status_bytes('VmHWM')}


def serve(hello, open_job):
    """Answers requests until stdin ends. `open_job(request)` returns run(steps), which returns a number once all steps have finished."""
    channel = os.fdopen(os.dup(1), 'w', buffering=1)
    os.dup2(2, 1)  # what a library prints must not look like an answer
    jobs = {}

    def answer(request):
        op = request['op']
        if op == 'open':
            started = time.perf_counter()
            run = open_job(request)
            opened = time.perf_counter()
            value = run(1)
            done = time.perf_counter()
            jobs[request['id']] = run
            return {'openMs': (opened - started) * 1e3, 'firstMs': (done - opened) * 1e3, 'value': value}
        if op == 'run':
            run = jobs[request['id']]
            started = time.perf_counter()
            value = run(request['steps'])
            return {'ms': (time.perf_counter() - started) * 1e3, 'value': value}
        if op == 'close':
            jobs.pop(request['id'], None)
            return {}
        if op == 'memory':
            return memory()
        raise ValueError(f'unknown op {op}')

    channel.write(json.dumps(hello) + '\n')
    for line in sys.stdin:
        try:
            reply = answer(json.loads(line))
        except Exception as error:  # the harness names the job that failed and goes on with the others
            traceback.print_exc()
            reply = {'error': f'{type(error).__name__}: {str(error)[:300]}'}
        channel.write(json.dumps(reply) + '\n')
