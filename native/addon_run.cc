// run(): from JS buffers and places in them to pointers, checked.
#include <algorithm>

#include "addon_decode.h"
#include "addon_env.h"
#include "addon_errors.h"

namespace flaxen::addon {

namespace {

// Getters in the list that JS passes may call run() again.
class Busy {
 public:
  explicit Busy(bool& flag) : flag_(flag) {
    if (flag) throw std::runtime_error("run() was called from within run()");
    flag = true;
  }
  Busy(const Busy&) = delete;
  Busy& operator=(const Busy&) = delete;
  ~Busy() { flag_ = false; }

 private:
  bool& flag_;
};

}  // namespace

Napi::Value Env::run(const Napi::CallbackInfo& call) {
  const Busy busy(collecting_);
  ProgramObject& object = ProgramObject::of(call[0]);
  const Program& program = *object.program;
  values_.clear();
  after_.clear();
  collect_memory(call[1]);
  collect_after(call[3]);
  // From here on no JS runs, so that what is looked up stays true.
  find_memory();
  place_arrays(program, call[2]);
  check_memory(object);
  const Ticket ticket = executor_->run(object.program, arrays_, after_);
  if (ticket != 0) {
    if (is_true(call[4])) {
      hold_memory(ticket, call[1]);
    } else {
      executor_->finish(ticket);
    }
  }
  settle();
  return Napi::Number::New(env_, static_cast<double>(ticket));
}

// Appends the elements of the list of buffers to values_.
void Env::collect_memory(Napi::Value list) {
  if (!list.IsArray()) throw Napi::TypeError::New(env_, "memory must be an array of ArrayBuffers");
  const uint32_t length = list.As<Napi::Array>().Length();
  for (uint32_t i = 0; i < length; ++i) {
    napi_value element;
    check(env_, napi_get_element(env_, list, i, &element));
    values_.push_back(element);
  }
}

void Env::collect_after(Napi::Value list) {
  if (list.IsUndefined()) return;
  if (!list.IsArray()) throw Napi::TypeError::New(env_, "after must be an array of tickets");
  const uint32_t length = list.As<Napi::Array>().Length();
  for (uint32_t i = 0; i < length; ++i) {
    after_.push_back(ticket(list.As<Napi::Array>().Get(i)));
  }
}

void Env::find_memory() {
  memory_.resize(values_.size());
  for (size_t i = 0; i < values_.size(); ++i) {
    void* data = nullptr;
    if (napi_get_arraybuffer_info(env_, values_[i], &data, &memory_[i].bytes) != napi_ok) {
      throw Napi::TypeError::New(env_, "memory " + std::to_string(i) + " must be an ArrayBuffer");
    }
    memory_[i].begin = static_cast<std::byte*>(data);
  }
}

// Fills arrays_ from `places`: a buffer's index and a byte offset for each input, then for each output that has no alias.
void Env::place_arrays(const Program& program, napi_value places) {
  const std::vector<Aval>&in = program.inputs(), &out = program.outputs();
  napi_typedarray_type type;
  size_t length = 0;
  void* data = nullptr;
  const napi_status status = napi_get_typedarray_info(env_, places, &type, &length, &data, nullptr, nullptr);
  if (status != napi_ok || type != napi_uint32_array) throw Napi::TypeError::New(env_, "places must be a Uint32Array");
  const auto* place = static_cast<const uint32_t*>(data);
  const size_t wanted = 2 * (in.size() + static_cast<size_t>(std::count(program.aliases().begin(), program.aliases().end(), -1)));
  if (length != wanted) {
    throw Napi::RangeError::New(env_, "places must have two numbers for each input and each output without an alias, " +
                                          std::to_string(wanted) + " in all, not " + std::to_string(length));
  }
  arrays_.resize(in.size() + out.size());
  for (size_t i = 0; i < in.size(); ++i, place += 2) arrays_[i] = resolve(place, in[i], "input ", i);
  for (size_t k = 0; k < out.size(); ++k) {
    const int32_t alias = program.aliases()[k];
    if (alias >= 0) {
      arrays_[in.size() + k] = arrays_[static_cast<size_t>(alias)];
    } else {
      arrays_[in.size() + k] = resolve(place, out[k], "output ", k);
      place += 2;
    }
  }
}

void* Env::resolve(const uint32_t* place, const Aval& aval, const char* what, size_t index) const {
  const uint32_t buffer = place[0], offset = place[1];
  const size_t bytes = aval.bytes();
  if (buffer < memory_.size() && offset % size_of(aval.dtype) == 0 && offset <= memory_[buffer].bytes &&
      bytes <= memory_[buffer].bytes - offset) {
    return memory_[buffer].begin + offset;
  }
  const std::string name = what + std::to_string(index);
  if (buffer >= memory_.size()) {
    throw Napi::RangeError::New(
        env_, name + " lies in buffer " + std::to_string(buffer) + ", but memory has " + std::to_string(memory_.size()) + " buffers");
  }
  if (offset % size_of(aval.dtype) != 0) {
    throw Napi::RangeError::New(
        env_, name + " starts at byte " + std::to_string(offset) + ", which is not a multiple of " + std::to_string(size_of(aval.dtype)));
  }
  throw Napi::RangeError::New(env_, name + " needs " + std::to_string(bytes) + " bytes from byte " + std::to_string(offset) +
                                        " on, but its buffer has " + std::to_string(memory_[buffer].bytes));
}

// What the run writes may be nothing else that it reads or writes, but for the inputs that outputs take over.
void Env::check_memory(ProgramObject& object) {
  const Program& program = *object.program;
  const size_t inputs = program.inputs().size();
  spans_.resize(arrays_.size());
  const auto span = [&](size_t at, const Aval& aval, bool written) {
    const auto begin = reinterpret_cast<uintptr_t>(arrays_[at]);
    spans_[at] = {begin, begin + aval.bytes(), written};
  };
  for (size_t i = 0; i < inputs; ++i) span(i, program.inputs()[i], false);
  for (size_t k = 0; k < program.outputs().size(); ++k) {
    const int32_t alias = program.aliases()[k];
    span(inputs + k, program.outputs()[k], alias < 0);
    if (alias < 0) continue;
    spans_[static_cast<size_t>(alias)].written = true;
    spans_[inputs + k].end = spans_[inputs + k].begin;
  }
  // Arrays keep their places from run to run, so the last order is nearly right and insertion sort nearly linear.
  std::vector<uint32_t>& order = object.order;
  if (order.size() != spans_.size()) {
    order.resize(spans_.size());
    for (size_t i = 0; i < order.size(); ++i) order[i] = static_cast<uint32_t>(i);
  }
  for (size_t i = 1; i < order.size(); ++i) {
    const uint32_t moving = order[i];
    size_t to = i;
    for (; to > 0 && spans_[order[to - 1]].begin > spans_[moving].begin; --to) order[to] = order[to - 1];
    order[to] = moving;
  }
  uintptr_t reached = 0, written = 0;
  for (uint32_t i : order) {
    const Span& s = spans_[i];
    if (s.begin == s.end) continue;
    if (s.begin < written || (s.written && s.begin < reached)) {
      throw Napi::TypeError::New(
          env_, std::string(i < inputs ? "input " : "output ") + std::to_string(i < inputs ? i : i - inputs) +
                    " shares memory with another array of the run, and one of them is written; give every output an array of its own");
    }
    reached = std::max(reached, s.end);
    if (s.written) written = std::max(written, s.end);
  }
}

// Keeps the buffers of a queued run alive until it has finished, by the list that names them. N-API cannot keep a buffer's memory when the
// buffer is detached or resized, nor forbid that: so only who promises not to, nor to change the list, gets a run that goes on after the
// call.
void Env::hold_memory(Ticket ticket, napi_value list) {
  release_until(std::min(executor_->completed(), ticket - 1));
  if (napi_create_reference(env_, list, 1, &held_[ticket % Executor::kQueueLength]) != napi_ok) executor_->wait(ticket);
}

void Env::release_until(Ticket ticket) {
  for (; released_ < ticket; ++released_) {
    napi_ref& held = held_[(released_ + 1) % Executor::kQueueLength];
    if (held) napi_delete_reference(env_, held);
    held = nullptr;
  }
}

void Env::settle() {
  release_until(executor_->completed());
  if (reads_ == 0) return;
  for (Read& read : executor_->take_finished_reads()) settle_read(read);
}

}  // namespace flaxen::addon
