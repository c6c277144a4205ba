#include "gpu/card.h"

#include <cuda_runtime_api.h>

#include <cstdio>
#include <cstdlib>
#include <sstream>

namespace flaxen::test {

namespace {

struct Card {
  cudaDeviceProp properties{};
  int clock_khz = 0, memory_clock_khz = 0, driver = 0, runtime = 0;
};

Card found() {
  Card card;
  int device = 0;
  cudaGetDevice(&device);
  cudaGetDeviceProperties(&card.properties, device);
  cudaDeviceGetAttribute(&card.clock_khz, cudaDevAttrClockRate, device);
  cudaDeviceGetAttribute(&card.memory_clock_khz, cudaDevAttrMemoryClockRate, device);
  cudaDriverGetVersion(&card.driver);
  cudaRuntimeGetVersion(&card.runtime);
  return card;
}

std::string version(int number) { return std::to_string(number / 1000) + "." + std::to_string(number % 1000 / 10); }

}  // namespace

FlaxenCudaDevice open_card() {
  int count = 0;
  const cudaError_t error = cudaGetDeviceCount(&count);
  if (error != cudaSuccess || count < 1) {
    std::printf("no GPU here: %s\n", error == cudaSuccess ? "CUDA finds no device" : cudaGetErrorString(error));
    std::exit(kNoCard);
  }
  cudaStream_t stream = nullptr;
  if (const cudaError_t failed = cudaStreamCreate(&stream)) {
    std::printf("the GPU cannot be used: %s\n", cudaGetErrorString(failed));
    std::exit(1);
  }
  const cudaDeviceProp p = found().properties;
  return {.stream = stream, .capability = 10 * p.major + p.minor, .processors = p.multiProcessorCount};
}

std::string card_text() {
  const Card c = found();
  std::ostringstream s;
  s << c.properties.name << ", compute capability " << c.properties.major << "." << c.properties.minor << ", "
    << c.properties.multiProcessorCount << " processors at up to " << c.clock_khz / 1000 << " MHz, " << (c.properties.totalGlobalMem >> 20)
    << " MiB at up to " << c.memory_clock_khz / 1000 << " MHz, driver for CUDA " << version(c.driver) << ", runtime " << version(c.runtime);
  return s.str();
}

std::string card_json() {
  const Card c = found();
  std::ostringstream s;
  s << "\"name\":\"" << c.properties.name << "\",\"capability\":" << 10 * c.properties.major + c.properties.minor
    << ",\"processors\":" << c.properties.multiProcessorCount << ",\"clockMHz\":" << c.clock_khz / 1000
    << ",\"memoryMHz\":" << c.memory_clock_khz / 1000 << ",\"memoryMiB\":" << (c.properties.totalGlobalMem >> 20) << ",\"driver\":\""
    << version(c.driver) << "\",\"runtime\":\"" << version(c.runtime) << "\"";
  return s.str();
}

}  // namespace flaxen::test
