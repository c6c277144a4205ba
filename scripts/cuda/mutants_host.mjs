// Faults in the backend's host code: what is copied, waited for, replayed and given back when. `only` is the case's name in host_test.cc.
import { planted } from './planted.mjs';

const inHost = (file, faults) => planted({ route: 'host', file: `host/${file}`, test: 'host' }, faults);

export const host = [
  ...inHost('copies.cc', [
    [
      'staging memory is used again before its copy',
      'numbers',
      'device.pinned().give_back_after_event(staged);',
      'device.pinned().give_back(staged);',
      { only: 'copies' },
    ],
    [
      'what is read is taken before it is there',
      'numbers',
      '  device.synchronize();\n  if (!staged)',
      '  if (!staged)',
      { only: 'copies' },
    ],
  ]),
  ...inHost('reads.cc', [
    [
      'no wait for the event of a read',
      'numbers',
      'device_.check(device_.library().event_synchronize(read.buffer->event), "reading an array");',
      '',
      { only: 'reads' },
    ],
    [
      'the event of a read is not recorded',
      'numbers',
      'device_.check(library.event_record(buffer->event, device_.stream()), "reading an array");',
      '',
      { only: 'reads' },
    ],
  ]),
  ...inHost('program.cc', [
    ['a run is not noted', 'numbers', 'device_.in_flight().start(steps_text_);', ';', { only: 'faults' }],
    [
      'steps are not waited for',
      'numbers',
      'check_step(s, device_.library().stream_synchronize(device_.stream()));',
      '',
      { only: 'faults' },
    ],
  ]),
  ...inHost('reads.cc', [
    ['runs before a read count as under way', 'numbers', 'device_.in_flight().finish(read.behind);', '', { only: 'faults' }],
  ]),
  ...inHost('pinned.cc', [
    ['copies count as done', 'numbers', '!= 0 || !done) return;', '!= 0) return;', { only: 'copies' }],
    [
      'no bound for copies under way',
      'numbers',
      'in_flight_bytes_ + size > kMostBytes && wait_for_oldest()',
      'false && wait_for_oldest()',
      { only: 'copies' },
    ],
    [
      'pinned memory is freed twice',
      'runtime',
      'library_.free_pinned(buffer->memory);\n  delete buffer;',
      'library_.free_pinned(buffer->memory);\n  library_.free_pinned(buffer->memory);\n  delete buffer;',
      { only: 'copies' },
    ],
  ]),
  ...inHost('program.cc', [
    [
      'a captured program is replayed on other arrays',
      'numbers',
      'replay.generation != generation || replay.addresses != addresses_',
      'replay.generation != generation || replay.addresses.empty()',
      { only: 'replays' },
    ],
    [
      'a captured program outlives its memory',
      'numbers',
      'replay.generation != generation || replay.addresses != addresses_',
      'replay.addresses != addresses_',
      { only: 'replays' },
    ],
    [
      'after a failed launch the stream is still captured',
      'numbers',
      '    library.capture_end(device_.stream(), &none);\n    throw;',
      '    throw;',
      { only: 'failures' },
    ],
    [
      'a graph is destroyed twice',
      'runtime',
      '    if (replay.graph) device_.library().graph_destroy(replay.graph);\n  }',
      '    if (replay.graph) device_.library().graph_destroy(replay.graph);\n    if (replay.graph) device_.library().graph_destroy(replay.graph);\n  }',
      { only: 'replays' },
    ],
    ['a program that cannot be captured does not run', 'numbers', 'if (!replay.graph) return launch_steps();', 'if (!replay.graph) return;', { only: 'failures' }], // prettier-ignore
  ]),
  ...inHost('device.cc', [
    [
      'the device of another is used',
      'numbers',
      '  check(library_.set_device(ordinal_), "choosing the device");\n}\n\nvoid Device::check',
      '}\n\nvoid Device::check',
      { only: 'two devices' },
    ],
    ['a lost device is used again', 'numbers', 'if (!lost_.empty()) throw DeviceError(lost_);', '', { only: 'failures' }],
    ['the arena does not grow', 'numbers', 'if (bytes > arena_bytes_) {', 'if (!arena_) {', { only: 'replays' }],
  ]),
  ...inHost('allocator.cc', [
    [
      'pieces of two segments become one',
      'numbers',
      'if (piece->second.first || piece == pieces_.begin()) return piece;',
      'if (piece == pieces_.begin()) return piece;',
      { only: 'memory' },
    ],
    [
      'memory may be released twice',
      'numbers',
      'if (found == pieces_.end() || found->second.free) throw',
      'if (found == pieces_.end()) throw',
      { only: 'memory' },
    ],
    ['the limit is not kept', 'numbers', 'if (reserved_ + size > limit_ || library_', 'if (library_', { only: 'memory' }],
  ]),
];
