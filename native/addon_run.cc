// run(): from JS arrays to pointers, checked, in about a microsecond.
#include <algorithm>

#include "addon_env.h"
#include "addon_errors.h"

namespace flaxen::addon {

namespace {

napi_typedarray_type array_type(DType t) {
  switch (t) {
    case DType::f32:
      return napi_float32_array;
    case DType::i32:
      return napi_int32_array;
    case DType::u32:
      return napi_uint32_array;
    case DType::boolean:
      return napi_uint8_array;
  }
  return napi_int8_array;
}

const char* array_name(DType t) {
  constexpr const char* names[] = {"Float32Array", "Int32Array", "Uint32Array", "Uint8Array"};
  return names[static_cast<size_t>(t)];
}

// Getters in the lists that JS passes may call run() again.
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
  const std::vector<Aval>&in = program.inputs(), &out = program.outputs();
  values_.clear();
  after_.clear();
  collect(call[1], in.size(), "inputs");
  collect(call[2], out.size(), "outputs");
  collect_after(call[3]);
  // From here on no JS runs, so that what is looked up stays true.
  arrays_.resize(values_.size());
  for (size_t i = 0; i < in.size(); ++i) resolve(i, in[i], "input ", i);
  for (size_t k = 0; k < out.size(); ++k) resolve(in.size() + k, out[k], "output ", k);
  check_memory(object);
  const Ticket ticket = executor_->run(object.program, arrays_, after_);
  if (ticket != 0) hold_arrays(program, ticket);
  settle();
  return Napi::Number::New(env_, static_cast<double>(ticket));
}

// Appends the elements of a JS array to values_.
void Env::collect(Napi::Value list, size_t length, const char* what) {
  if (!list.IsArray()) throw Napi::TypeError::New(env_, std::string(what) + " must be an array of typed arrays");
  const uint32_t given = list.As<Napi::Array>().Length();
  if (given != length) {
    throw Napi::TypeError::New(env_,
                               "the program has " + std::to_string(length) + " " + what + ", but " + std::to_string(given) + " were given");
  }
  for (uint32_t i = 0; i < given; ++i) {
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

void Env::resolve(size_t at, const Aval& aval, const char* what, size_t index) {
  napi_typedarray_type type;
  size_t length = 0;
  const napi_status status = napi_get_typedarray_info(env_, values_[at], &type, &length, &arrays_[at], nullptr, nullptr);
  if (status == napi_ok && type == array_type(aval.dtype) && length == static_cast<size_t>(aval.count())) return;
  const std::string wanted =
      what + std::to_string(index) + " must be a " + array_name(aval.dtype) + " of length " + std::to_string(aval.count());
  if (status != napi_ok) throw Napi::TypeError::New(env_, wanted);
  if (type != array_type(aval.dtype)) throw Napi::TypeError::New(env_, wanted + ", not another kind of typed array");
  throw Napi::RangeError::New(env_, wanted + ", not " + std::to_string(length));
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
    if (arrays_[inputs + k] != arrays_[static_cast<size_t>(alias)]) {
      throw Napi::TypeError::New(env_, "output " + std::to_string(k) + " must be the array of input " + std::to_string(alias) +
                                           ", whose memory it takes over (see Program.aliases)");
    }
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

// Keeps the arrays of a queued run alive until it has finished. (Detaching or transferring them meanwhile is the caller's mistake: N-API
// cannot keep a buffer's memory.)
void Env::hold_arrays(const Program& program, Ticket ticket) {
  release_until(std::min(executor_->completed(), ticket - 1));
  std::vector<napi_ref>& held = held_[ticket % Executor::kQueueLength];
  for (size_t i = 0; i < values_.size(); ++i) {
    if (i >= program.inputs().size() && program.aliases()[i - program.inputs().size()] >= 0) continue;
    napi_ref reference;
    if (napi_create_reference(env_, values_[i], 1, &reference) != napi_ok) {
      executor_->wait(ticket);
      return;
    }
    held.push_back(reference);
  }
}

void Env::release_until(Ticket ticket) {
  for (; released_ < ticket; ++released_) {
    std::vector<napi_ref>& held = held_[(released_ + 1) % Executor::kQueueLength];
    for (napi_ref reference : held) napi_delete_reference(env_, reference);
    held.clear();
  }
}

void Env::settle() {
  release_until(executor_->completed());
  if (reads_ == 0) return;
  for (Read& read : executor_->take_finished_reads()) settle_read(read);
}

}  // namespace flaxen::addon
