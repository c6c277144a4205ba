/** How a backend is chosen, with stand-ins for what is installed. */
import { errors } from 'flaxen';
import { describe, expect, it, vi } from 'vitest';
import type { Backend } from '../../lib/backends/backend.js';
import { Registry, type Kind } from '../../lib/backends/registry.js';

const opens = (name: string): Kind => ({ open: vi.fn(() => ({ name }) as Backend) });
const lacks = (why: string, mend: string): Kind => ({
  open: vi.fn(() => {
    throw new errors.UnavailableError(why, mend);
  }),
});
const cuda = lacks('no driver', 'Install the driver.');
const noAddon = lacks('the addon is not built', 'Run "build".');
const noTfjs = lacks('tfjs-node is not installed', 'Run "install".');

function registry(kinds: Record<string, Kind>) {
  const notice = vi.fn<(line: string) => void>();
  return { notice, registry: new Registry(kinds, notice) };
}

describe('left alone, the choice', () => {
  it('is the first that opens; a missing GPU is no news', () => {
    const tfjs = opens('tfjs');
    const { registry: kinds, notice } = registry({ cuda, cpu: opens('cpu'), tfjs });
    const { backend, reason } = kinds.best();
    expect(backend.name).toBe('cpu');
    expect(reason).toBe('the best that can run here: cuda cannot (no driver)');
    expect(tfjs.open).not.toHaveBeenCalled();
    expect(notice).not.toHaveBeenCalled();
  });

  it('is cuda where it opens', () => {
    const { registry: kinds } = registry({ cuda: opens('cuda'), cpu: opens('cpu'), tfjs: opens('tfjs') });
    expect(kinds.best()).toMatchObject({ backend: { name: 'cuda' }, reason: 'the best there is' });
  });

  it('falls back to tfjs when the addon is missing, in one line that says why and what to do', () => {
    const { registry: kinds, notice } = registry({ cuda, cpu: noAddon, tfjs: opens('tfjs') });
    expect(kinds.best().backend.name).toBe('tfjs');
    expect(notice.mock.calls).toEqual([['flaxen: the C++ kernels cannot run (the addon is not built), so "tfjs" does. Run "build".']]);
  });

  it('does not hide a wrong setting behind a fallback', () => {
    const wrong: Kind = {
      open: () => {
        throw new errors.BackendError('FLAXEN_ISA=mmx cannot run here');
      },
    };
    const { registry: kinds } = registry({ cuda, cpu: wrong, tfjs: opens('tfjs') });
    expect(() => kinds.best()).toThrow('FLAXEN_ISA=mmx cannot run here');
  });

  it('fails with both ways out when there is nothing', () => {
    const { registry: kinds } = registry({ cuda, cpu: noAddon, tfjs: noTfjs });
    expect(() => kinds.best()).toThrow(errors.BackendError);
    expect(() => kinds.best()).toThrow(
      'no backend can run here; one of these mends it:\n  cpu: the addon is not built. Run "build".\n  tfjs: tfjs-node is not installed. Run "install".',
    );
  });
});

describe('a backend asked for by name', () => {
  it('opens once', () => {
    const cpu = opens('cpu');
    const { registry: kinds } = registry({ cpu });
    expect(kinds.get('cpu')).toBe(kinds.get('cpu'));
    expect(cpu.open).toHaveBeenCalledTimes(1);
  });
  it('is never replaced by another', () => {
    const { registry: kinds } = registry({ cuda, cpu: noAddon, tfjs: opens('tfjs') });
    expect(() => kinds.get('cpu')).toThrow('the addon is not built. Run "build".');
    expect(() => kinds.get('gpu')).toThrow('there is no backend "gpu": choose one of cuda, cpu, tfjs');
  });
  it('may come later', () => {
    const { registry: kinds } = registry({ cpu: noAddon });
    expect(() => kinds.get('cpu')).toThrow(errors.UnavailableError);
    kinds.add('cpu', opens('cpu'));
    expect(kinds.get('cpu').name).toBe('cpu');
  });
});

describe('what is available', () => {
  it('says why not and what to do, and opens nothing that can be checked', () => {
    const tfjs: Kind = { ...opens('tfjs'), check: noTfjs.open };
    const { registry: kinds } = registry({ cuda, cpu: opens('cpu'), tfjs });
    expect(kinds.availability()).toEqual([
      { name: 'cuda', available: false, why: 'no driver', mend: 'Install the driver.' },
      { name: 'cpu', available: true },
      { name: 'tfjs', available: false, why: 'tfjs-node is not installed', mend: 'Run "install".' },
    ]);
    expect(tfjs.open).not.toHaveBeenCalled();
  });
});
