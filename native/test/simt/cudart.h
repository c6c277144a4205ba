// A stand-in for the CUDA runtime: the library's host code is linked with this instead of cudart. As nvcc compiled it, its launches run the
// PTX that nvcc made of the very kernels; as the host's compiler did, the kernels' own functions. It is strict: what a real runtime would
// refuse, or may, it refuses.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "simt/launch.h"

namespace flaxen::simt {

// Values of cudaError_t.
struct CudaError {
  enum {
    success = 0,
    invalid_value = 1,
    out_of_memory = 2,
    invalid_configuration = 9,
    no_kernel = 98,
    no_device = 100,
    invalid_device = 101,
    invalid_handle = 400,
    illegal_state = 401,
    not_ready = 600,
    launch_failure = 719,
    capture_unsupported = 900,
    capture_invalidated = 901
  };
};

using PtxFiles = std::vector<std::string>;

// Makes these files the device's code, and the device one of their architecture, which it returns: 80 for sm_80.
int use_device(const PtxFiles& ptx_files);
void set_target(int target);
// The same with the files that `files` gives, once the device is used; from then on whatever the simulator reports fails the launch.
void use_device_when_needed(PtxFiles (*files)());
// Appends a line to this file for each kernel that is launched or captured: its name.
void log_launches(const std::string& path);
// The architecture of the devices, with their code there.
int device_target();

// How many devices there are, all alike: 1 if nobody says otherwise, 4 at most.
void set_device_count(int count);
// The same of these of a machine's devices, by their index there, which their names tell.
void set_devices(std::vector<int> on_machine);
int device_count();
int index_on_machine(int device);
// The calling thread's device, 0 until it chooses.
int& current_device();

// One thread at a time is in the simulator.
std::recursive_mutex& gate();
using Entered = std::lock_guard<std::recursive_mutex>;

// One call of the runtime, by its name; `error` is why it must not go on, or success.
class Call {
 public:
  enum class InCapture { allowed, refused };  // while the calling thread captures a stream
  explicit Call(const char* name, InCapture in_capture = InCapture::allowed);
  int error = CudaError::success;

 private:
  Entered entered_;
};
// The stream that the calling thread captures, or null.
void*& captured_stream();
// The next call of this name fails with this error and does nothing else. "kernel" is no call but the next
// kernel's run, and a kernel's name the next of that kernel.
void fail_next(const std::string& call, int error);
// What fail_next said of it, which is then done with; or success.
int planned_error(const std::string& call);

// An error of work that was under way, after which every call fails with it, as after a fault of a real kernel.
int lost();
void lose(int error);
void find_again();  // a new process, as it were

// What a real runtime might or might not notice, such as memory freed twice: a report.
void misuse(const std::string& what);

// For the next cudaGetLastError, unless it is success; returns it.
int remembered(int error);
// Whether the device takes a launch of this host function, which has so much static shared memory.
int check_launch(const void* function, const Launch& launch, size_t static_shared);

// Pinned memory of the host.
void* allocate_pinned(size_t bytes);
bool free_pinned(void* memory);
bool is_pinned(const void* p);
size_t pinned_bytes();
void limit_pinned(size_t bytes);

// A copy that was asked for in a stream.
int copy_async(void* to, const void* from, size_t n, int kind, void* stream);

}  // namespace flaxen::simt
