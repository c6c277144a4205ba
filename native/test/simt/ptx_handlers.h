// The table of PTX opcodes.
#pragma once

#include <string>
#include <unordered_map>

#include "simt/ptx_module.h"

namespace flaxen::simt {

using HandlerTable = std::unordered_map<std::string, Handler>;

void add_arithmetic(HandlerTable& table);
void add_memory_and_control(HandlerTable& table);

}  // namespace flaxen::simt
