// Where the tests of the CUDA kernels run. On the simulator a test repeats under several schedules, and whatever the simulator reports
// fails it.
#pragma once

#include <functional>
#include <string>

#include "cuda/api.h"

namespace flaxen::test {

// Reads the command line: the device code, as paths joined by semicolons.
void open_platform(int argc, char** argv);
const FlaxenCudaDevice& device();

// Runs the body under one schedule after another: as many as its size allows.
enum class Effort { once, usual, thorough };
void on_schedules(const std::function<void()>& body, const std::string& what, Effort effort = Effort::usual);

}  // namespace flaxen::test
