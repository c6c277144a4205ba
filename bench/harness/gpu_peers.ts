/** Who is compared with on a card: the peers of the benchmark that can run there, told to. */
import { allPeers } from './peers.js';
import type { PeerSpec } from './peer.js';

const ENV: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  flaxen: { FLAXEN_BACKEND: 'cuda' },
  flax: { JAX_PLATFORMS: 'cuda' },
  'flax-donated': { JAX_PLATFORMS: 'cuda' },
  torch: {},
  'torch-fused': {},
  'torch-compile': {},
};

/** On the simulated device flaxen alone. */
export function gpuPeers(simulated: boolean): PeerSpec[] {
  return allPeers(null).flatMap((spec): PeerSpec[] => {
    const env = ENV[spec.id];
    if (env === undefined || (simulated && spec.id !== 'flaxen')) return [];
    const command = spec.id.startsWith('torch') ? [...spec.command, 'cuda'] : spec.command;
    return [{ ...spec, command, env: { ...spec.env, ...env, ...(simulated && { FLAXEN_CUDA_SIM: '1' }) } }];
  });
}
