// How many processors this process may use.
#pragma once

namespace flaxen {

// By affinity, and by the CPU quota of the control group (rounded up); at least 1.
int usable_processors();

}  // namespace flaxen
