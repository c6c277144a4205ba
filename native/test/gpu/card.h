// The card that tests and benchmark run on.
#pragma once

#include <string>

#include "cuda/api.h"

namespace flaxen::test {

// The exit status where there is no card: neither passed nor failed.
constexpr int kNoCard = 77;

// The current device, and a stream on it. Without one says so in a line, and ends the process with kNoCard.
FlaxenCudaDevice open_card();

// Its name, capability, processors, memory, clocks, driver and runtime, for people.
std::string card_text();
// The same as the members of a JSON object.
std::string card_json();

}  // namespace flaxen::test
