// The backend's host code on the stand-in runtime, which does its work as late as it may and refuses what a real one may refuse: copies,
// captured programs, errors, memory, two devices.
#include <condition_variable>
#include <functional>
#include <mutex>

#include "cuda/host/copies.h"
#include "cuda/host/linked.h"
#include "cuda/host/program.h"
#include "cuda/host/reads.h"
#include "cuda/platform.h"
#include "graph_builder.h"
#include "simt/cudart.h"
#include "simt/memory.h"

namespace flaxen::test {

namespace {

using cuda::Device;

std::vector<float> values(size_t n, float first) {
  std::vector<float> v(n);
  for (size_t i = 0; i < n; ++i) v[i] = first + static_cast<float>(i % 97);
  return v;
}

// An array of floats on a device.
class OnCard {
 public:
  OnCard(Device& device, size_t n) : device_(device), n_(n), memory_(device.allocate(n * sizeof(float))) {}
  OnCard(Device& device, const std::vector<float>& v) : OnCard(device, v.size()) { cuda::write(device, memory_, v.data(), bytes()); }
  OnCard(const OnCard&) = delete;
  OnCard& operator=(const OnCard&) = delete;
  ~OnCard() { device_.release(memory_); }

  void* memory() const { return memory_; }
  size_t bytes() const { return n_ * sizeof(float); }
  std::vector<float> read() const {
    std::vector<float> v(n_);
    cuda::read(device_, v.data(), memory_, bytes());
    return v;
  }

 private:
  Device& device_;
  size_t n_;
  void* memory_;
};

void run(cuda::Program& program, const OnCard& in, const OnCard& out) {
  void* const arrays[] = {in.memory(), out.memory()};
  program.run(arrays);
}

// out = sum over the rows of exp(-x): two kernels at least, and memory between them.
std::unique_ptr<cuda::Program> two_steps(const std::shared_ptr<Device>& device, int64_t rows, int64_t columns) {
  GraphBuilder b;
  const ValueId x = b.input(f32({rows, columns}));
  const ValueId e = b.map("exp", {b.map("neg", {x})});
  b.graph.outputs = {b.node("reduceSum", {e}, {{"axes", std::vector<int64_t>{0}}}, {f32({columns})})};
  return std::make_unique<cuda::Program>(device, b.graph);
}

void check_two_steps(const std::vector<float>& x, const std::vector<float>& got, const std::string& what) {
  const size_t columns = got.size();
  for (size_t c = 0; c < columns; ++c) {
    double sum = 0;
    for (size_t r = 0; r * columns < x.size(); ++r) sum += std::exp(-static_cast<double>(x[r * columns + c]));
    if (std::abs(static_cast<double>(got[c]) - sum) <= 1e-5 * (1 + sum)) continue;
    return check(false, what + ": column " + std::to_string(c) + " is " + std::to_string(got[c]) + ", not " + std::to_string(sum));
  }
}

void copies() {
  const auto device = opened();
  std::vector<float> source = values(1000, 1);
  const std::vector<float> kept = source;
  const OnCard array(*device, source);
  std::fill(source.begin(), source.end(), -1.0f);
  check(array.read() == kept, "what is written is what the array held then");

  // Many copies under way at once take turns in a bounded amount of pinned memory, each in memory of its own.
  constexpr size_t kLarge = kMiB;  // floats: 4 MiB
  const auto roomy = opened(0, 512 * kMiB);
  const std::vector<float> first = values(kLarge, 2), last = values(kLarge, 3);
  const OnCard a(*roomy, first), b(*roomy, last);
  size_t most = 0;
  for (int i = 0; i < 100; ++i) {
    cuda::write(*roomy, b.memory(), last.data(), b.bytes());
    most = std::max(most, simt::pinned_bytes());
  }
  check(a.read() == first && b.read() == last, "copies under way at once");
  check(most <= cuda::PinnedMemory::kMostBytes + 8 * kMiB, std::to_string(most) + " bytes of pinned memory are in use");

  // Past what is staged, and where there is no pinned memory, copies wait.
  const std::vector<float> huge = values(9 * kMiB, 4);
  const OnCard c(*roomy, huge);
  check(c.read() == huge, "a copy that is not staged");
  simt::limit_pinned(0);
  const auto poor = opened();
  const OnCard d(*poor, kept);
  check(d.read() == kept, "a copy without pinned memory");
  simt::limit_pinned(size_t{1} << 30);
}

// Reads that nobody waits for, until they are finished.
class Awaited {
 public:
  explicit Awaited(Device& device)
      : reads_(device, [this] {
          const std::lock_guard<std::mutex> lock(mutex_);
          told_ = true;
          changed_.notify_one();
        }) {}
  void start(const OnCard& from, std::vector<float>& to) { reads_.start(from.memory(), to.data(), from.bytes(), nullptr); }
  std::vector<cuda::Read> finish(size_t count) {
    std::vector<cuda::Read> all;
    while (all.size() < count) {
      {
        std::unique_lock<std::mutex> lock(mutex_);
        changed_.wait(lock, [&] { return told_; });
        told_ = false;
      }
      for (const cuda::Read& read : reads_.take_finished()) all.push_back(read);
    }
    return all;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool told_ = false;
  cuda::Reads reads_;
};

void reads() {
  const auto device = opened();
  const auto program = two_steps(device, 8, 33);
  const std::vector<float> x = values(8 * 33, -2);
  const OnCard in(*device, x), out(*device, size_t{33});
  Awaited awaited(*device);
  std::vector<float> first(33), second(x.size());
  run(*program, in, out);
  awaited.start(out, first);
  awaited.start(in, second);
  awaited.finish(2);
  check_two_steps(x, first, "a read that nobody waits for");
  check(second == x, "a second read");

  simt::limit_pinned(simt::pinned_bytes());
  std::vector<float> large(100000);
  const OnCard array(*device, values(large.size(), 5));
  awaited.start(array, large);
  awaited.finish(1);
  check(large == values(large.size(), 5), "a read without pinned memory");
  simt::limit_pinned(size_t{1} << 30);

  simt::fail_next("cudaEventSynchronize", simt::CudaError::launch_failure);
  awaited.start(out, first);
  check_error(awaited.finish(1)[0].error, "restart it", "a read from a device that is lost meanwhile");
}

// Whether a run starts kernels of its own: a captured one is replayed.
bool launches(const std::function<void()>& call) {
  simt::fail_next("cudaLaunchKernel", simt::CudaError::no_kernel);
  const bool fails = !error_of(call).empty();
  simt::fail_next("cudaLaunchKernel", simt::CudaError::success);
  return fails;
}

void replays() {
  const auto device = opened();
  const auto program = two_steps(device, 8, 33);
  const std::vector<float> x = values(8 * 33, -2), other = values(8 * 33, -1);
  const OnCard in(*device, x), out(*device, size_t{33}), in2(*device, other), out2(*device, size_t{33});
  for (int i = 0; i < 3; ++i) run(*program, in, out);
  check_two_steps(x, out.read(), "a captured program");
  check(!launches([&] { run(*program, in, out); }), "a captured program is replayed");
  run(*program, in2, out2);
  check_two_steps(other, out2.read(), "a captured program on other arrays");
  cuda::write(*device, in.memory(), other.data(), in.bytes());
  run(*program, in, out);
  check_two_steps(other, out.read(), "a captured program on other numbers");

  // A program that needs a larger arena moves it.
  const auto larger = two_steps(device, 64, 100);
  const std::vector<float> y = values(6400, -3);
  const OnCard in3(*device, y), out3(*device, size_t{100});
  run(*larger, in3, out3);
  run(*program, in, out);
  check_two_steps(y, out3.read(), "a larger program");
  check_two_steps(other, out.read(), "a captured program whose arena has moved");

  // Memory that went back to the device may come again at the same address, as another.
  for (int i = 0; i < 2; ++i) run(*program, in, out);
  check(!launches([&] { run(*program, in, out); }), "captured again");
  device->release(device->allocate(5 * kMiB));
  device->synchronize();
  device->memory().trim();
  check(launches([&] { run(*program, in, out); }), "memory went back to the device, so that the graph is not used any more");
}

void failures_of_calls() {
  const auto device = opened();
  const auto program = two_steps(device, 8, 33);
  const std::vector<float> x = values(8 * 33, -2);
  const OnCard in(*device, x), out(*device, size_t{33});
  const auto error = [&] { return error_of([&] { run(*program, in, out); }); };
  constexpr int kTooManyResources = 701;

  for (const char* when : {"at once", "while it is captured"}) {
    simt::fail_next("cudaLaunchKernel", kTooManyResources);
    const std::string text = error();
    check_error(text, "CUDA error 701", std::string("a launch that fails ") + when);
    check_error(text, "[8, 33]", std::string("the shape of a launch that fails ") + when);
    check(error().empty(), std::string("the device is of use after a launch that failed ") + when);
    check_two_steps(x, out.read(), std::string("after a launch that failed ") + when);
  }

  const auto fresh = two_steps(device, 8, 33);
  run(*fresh, in, out);
  simt::fail_next("cudaGraphInstantiate", simt::CudaError::out_of_memory);
  const OnCard again(*device, size_t{33});
  run(*fresh, in, again);
  cuda::write(*device, again.memory(), values(33, 0).data(), again.bytes());
  run(*fresh, in, again);
  check_two_steps(x, again.read(), "no memory for a captured graph");
  run(*fresh, in, again);
  check(!launches([&] { run(*fresh, in, again); }), "captured once there is memory");

  run(*program, in, out);
  simt::lose(simt::CudaError::launch_failure);  // the kernel that is under way does something that it must not
  check_error(error_of([&] { device->synchronize(); }), "restart it", "a fault in a kernel");
  simt::find_again();
  check_error(error_of([&] { device->enter(); }), "restart it", "a lost device stays lost");
}

// A device with two programs, until a kernel of one is at fault.
struct Scene {
  static constexpr int kIllegalAddress = 700;
  const std::shared_ptr<Device> device = opened();
  const std::unique_ptr<cuda::Program> large = two_steps(device, 8, 33), small = two_steps(device, 2, 5);
  const OnCard in{*device, values(8 * 33, -2)}, out{*device, size_t{33}}, in2{*device, values(10, 1)}, out2{*device, size_t{5}};

  void run_large() { run(*large, in, out); }
  void run_small() { run(*small, in2, out2); }
  // What the call throws while the next kernel of this name is at fault.
  std::string fault(const char* kernel, const std::function<void()>& call) {
    simt::fail_next(kernel, kIllegalAddress);
    const std::string text = error_of(call);
    simt::find_again();
    check_error(text, "CUDA error 700", "a fault in a kernel");
    check_error(text, "restart it", "a fault in a kernel");
    return text;
  }
};

// A fault of a kernel comes out later, at a call that does not know the kernel.
void faults() {
  {
    Scene scene;
    scene.run_large();
    scene.out.read();
    scene.run_small();
    const std::string text = scene.fault("kernel", [&] { scene.device->synchronize(); });
    check_error(text, "by a kernel of what was under way: (", "what was under way");
    check_error(text, "reduceSum float32[2, 5] -> float32[5])", "the operations under way");
    check(text.find("[8, 33]") == text.npos, "what is done is not named: " + text);
  }
  {
    Scene scene;
    Awaited awaited(*scene.device);
    std::vector<float> sums(33), sums2(5);
    scene.run_large();
    awaited.start(scene.out, sums);
    check(awaited.finish(1)[0].error.empty(), "a read");
    for (int i = 0; i < 3; ++i) scene.run_small();
    const std::string text = scene.fault("kernel", [&] {
      awaited.start(scene.out2, sums2);
      throw std::runtime_error(awaited.finish(1)[0].error);
    });
    check_error(text, "reading an array, by a kernel of what was under way: (", "a read that nobody waits for");
    check_error(text, "float32[5]) 3 times.", "runs in a row, and none before the read");
  }
  {
    Scene scene;
    for (int i = 0; i < 3; ++i) {
      scene.run_small();
      scene.run_large();
    }
    const std::string text = scene.fault("kernel", [&] { scene.out.read(); });
    check_error(text, "float32[33]); before it (", "runs by turns");
    check_error(text, "; 2 more before them", "many runs under way");
  }
  setenv("FLAXEN_CUDA_SYNC", "1", 1);
  Scene scene;
  unsetenv("FLAXEN_CUDA_SYNC");
  for (int i = 0; i < 3; ++i) scene.run_large();
  check_two_steps(values(8 * 33, -2), scene.out.read(), "a program whose steps are waited for");
  const std::string text = scene.fault("reduce_columns", [&] { scene.run_large(); });
  check_error(text, ") in reduceSum float32[8, 33] -> float32[33]", "the step at fault");
  check(text.find("under way") == text.npos, "the step is known: " + text);
}

void memory() {
  const auto device = opened(0, 8 * kMiB);
  std::vector<void*> pieces;
  for (int i = 0; i < 64; ++i) pieces.push_back(device->allocate(64 << 10));
  for (size_t i = 1; i < pieces.size(); i += 2) device->release(pieces[i]);
  check_error(error_of([&] { device->allocate(9 * kMiB); }), "out of device memory: 9 MiB more were asked for; arrays use 2 MiB",
              "more than the limit");
  for (size_t i = 0; i < pieces.size(); i += 2) device->release(pieces[i]);
  check(device->memory().used() == 0, "all is free");
  check_error(error_of([&] { device->release(pieces[0]); }), "not in use", "memory released twice");
  void* all = device->allocate(8 * kMiB);  // the segments go back first
  check(device->memory().reserved() == 8 * kMiB, "small segments made room for a large one");
  device->release(all);
}

void two_devices() {
  simt::set_device_count(2);
  const auto first = opened(0), second = opened(1);
  const std::vector<float> x = values(8 * 33, -2);
  std::vector<std::unique_ptr<cuda::Program>> programs;
  std::vector<std::unique_ptr<OnCard>> in, out;
  for (const auto& device : {first, second}) {
    device->enter();
    programs.push_back(two_steps(device, 8, 33));
    in.push_back(std::make_unique<OnCard>(*device, x));
    out.push_back(std::make_unique<OnCard>(*device, size_t{33}));
  }
  for (int step = 0; step < 4; ++step) {
    for (size_t d = 0; d < 2; ++d) {
      (d == 0 ? first : second)->enter();
      run(*programs[d], *in[d], *out[d]);
    }
  }
  for (size_t d = 0; d < 2; ++d) check_two_steps(x, out[d]->read(), "device " + std::to_string(d));
  check_error(error_of([] { opened(2); }), "invalid device ordinal", "a third device");
}

// The stand-in is as strict as the cases above take it for.
void refusals() {
  simt::set_device_count(2);
  const auto device = opened(0), other = opened(1);
  const cuda::Library& library = linked();
  const std::vector<float> x = values(64, 1);
  device->enter();
  const OnCard array(*device, x);
  void *stream = device->stream(), *memory = nullptr, *graph = nullptr;
  for (const bool allocates : {true, false}) {
    check(library.capture_begin(stream) == 0, "a capture begins");
    const int error = allocates ? library.allocate(&memory, 64)
                                : library.memory_copy(stream, FLAXEN_CUDA_TO_DEVICE, array.memory(), x.data(), array.bytes());
    check(error == simt::CudaError::capture_unsupported, "allocation and pageable memory while a stream is captured");
    check(library.capture_end(stream, &graph) == simt::CudaError::capture_invalidated && !graph,
          "a capture that was spoilt gives no graph");
  }
  check(array.read() == x, "the stream is of use afterwards");
  other->enter();
  check(library.threefry2x32(&device->handle(), 1, nullptr, nullptr, nullptr, nullptr, nullptr) == simt::CudaError::invalid_handle,
        "a launch into the stream of another device");
  check(simt::check_launch(&library, {{1, 65536, 1}, {32, 1, 1}, 0}, 0) == simt::CudaError::invalid_configuration,
        "a grid that is too high");
  check(simt::check_launch(&library, {{1, 1, 1}, {2048, 1, 1}, 0}, 0) == simt::CudaError::invalid_configuration,
        "a block that is too large");
  check(simt::check_launch(&library, {{1, 1, 1}, {32, 1, 1}, 50000}, 0) == simt::CudaError::invalid_value, "shared memory not asked for");
  device->enter();
}

// All that a case takes is given back at its end.
void whole(const char* what, void (*body)()) {
  on_schedules(
      [&] {
        simt::current_device() = 0;
        const size_t used = simt::device_memory(0).used();
        const std::string error = error_of(body);
        check(error.empty(), std::string(what) + ": " + error);
        simt::current_device() = 0;
        simt::find_again();
        simt::set_device_count(1);
        check(simt::pinned_bytes() == 0, std::string(what) + ": pinned memory is left");
        check(simt::device_memory(0).used() == used, std::string(what) + ": device memory is left");
      },
      what, Effort::once);
}

const Family family("host", [] {
  whole("copies", copies);
  whole("reads", reads);
  whole("replays", replays);
  whole("failures of calls", failures_of_calls);
  whole("faults", faults);
  whole("memory", memory);
  whole("two devices", two_devices);
  whole("refusals", refusals);
});

}  // namespace

}  // namespace flaxen::test
