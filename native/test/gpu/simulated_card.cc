// The simulator's card, so that the programs for a card can be run without one.
#include "cuda/platform.h"
#include "gpu/card.h"

namespace flaxen::test {

std::string card_text() { return "simulated device of capability " + std::to_string(device().capability); }
std::string card_json() {
  return "\"name\":\"" + card_text() + "\",\"capability\":" + std::to_string(device().capability) +
         ",\"processors\":4,\"clockMHz\":0,\"memoryMHz\":0,"
         "\"memoryMiB\":0,\"driver\":\"none\",\"runtime\":\"none\"";
}

}  // namespace flaxen::test
