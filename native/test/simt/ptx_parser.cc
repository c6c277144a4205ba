// Reads the part of PTX that nvcc writes for these kernels. What it does not know is an error that names the line.
#include <cctype>
#include <cstring>
#include <fstream>
#include <set>
#include <stdexcept>

#include "simt/memory.h"
#include "simt/ptx_module.h"

namespace flaxen::simt {

namespace {

std::string trimmed(const std::string& s) {
  const size_t a = s.find_first_not_of(" \t\r\n"), b = s.find_last_not_of(" \t\r\n");
  return a == s.npos ? "" : s.substr(a, b - a + 1);
}

// At the separator, but not inside brackets.
std::vector<std::string> split(const std::string& s, char separator) {
  std::vector<std::string> parts(1);
  int depth = 0;
  for (char c : s) {
    depth += (c == '{' || c == '[' || c == '(') - (c == '}' || c == ']' || c == ')');
    if (c == separator && depth == 0) {
      parts.emplace_back();
    } else {
      parts.back() += c;
    }
  }
  std::vector<std::string> kept;
  for (const std::string& part : parts) {
    if (!trimmed(part).empty()) kept.push_back(trimmed(part));
  }
  return kept;
}

bool starts_with(const std::string& s, const char* prefix) { return s.rfind(prefix, 0) == 0; }

size_t number_after(const std::string& s, const std::string& mark, size_t otherwise) {
  const size_t at = s.find(mark);
  return at == s.npos ? otherwise : std::stoull(s.substr(at + mark.size()), nullptr, 0);
}

// A variable's declaration: ".shared .align 16 .b8 name[64]", ".param .u64 name".
struct Declaration {
  std::string name;
  size_t align, size;
  explicit Declaration(const std::string& text) {
    static const std::map<std::string, size_t> sizes{{"8", 1}, {"16", 2}, {"32", 4}, {"64", 8}};
    const std::string head = text.substr(0, text.find('='));
    const std::vector<std::string> words = split(head, ' ');
    size_t element = 0;
    for (const std::string& w : words) {
      if (w.size() > 2 && w[0] == '.' && std::strchr("busf", w[1]) && sizes.count(w.substr(2))) element = sizes.at(w.substr(2));
    }
    name = words.back();
    size_t count = 1;
    const size_t bracket = name.find('[');
    if (bracket != name.npos) {
      count = name[bracket + 1] == ']' ? 0 : std::stoull(name.substr(bracket + 1));
      name = name.substr(0, bracket);
    }
    size = element * count;
    // ".param .u64 .ptr .global .align 1 name" says how the pointer's target is aligned.
    align = head.find(".ptr") == head.npos ? number_after(head, ".align ", element) : element;
  }
};

uint64_t rounded_up(uint64_t x, uint64_t to) { return (x + to - 1) / to * to; }

}  // namespace

class PtxParser {
 public:
  PtxParser(PtxModule& module, const std::string& path)
      : module_(module), path_(path), first_file_(static_cast<int>(module.files_.size())) {}

  void parse() {
    std::ifstream file(path_);
    if (!file) throw std::runtime_error("cannot read " + path_);
    std::string line;
    while (std::getline(file, line)) {
      ++line_number_;
      line = trimmed(line.substr(0, line.find("//")));
      if (starts_with(line, ".section")) break;  // debug information to the end of the file
      if (line.empty() || source_position(line)) continue;
      if (function_) {
        body(line);
      } else if (in_parameters_) {
        parameter(line);
      } else {
        outside(line);
      }
    }
  }

 private:
  [[noreturn]] void fail(const std::string& why) const {
    throw std::runtime_error(path_ + ":" + std::to_string(line_number_) + ": " + why);
  }

  // .loc and .file
  bool source_position(const std::string& line) {
    if (starts_with(line, ".loc ") || starts_with(line, ".loc\t")) {
      std::sscanf(line.c_str(), ".loc %d %d", &source_file_, &source_line_);
      source_file_ += first_file_;
      return true;
    }
    if (!starts_with(line, ".file")) return false;
    const auto index = static_cast<size_t>(first_file_ + std::stoi(line.substr(5)));
    if (module_.files_.size() <= index) module_.files_.resize(index + 1);
    const size_t a = line.find('"'), b = line.rfind('"');
    const std::string name = line.substr(a + 1, b - a - 1);
    module_.files_[index] = name.substr(name.rfind('/') + 1);
    return true;
  }

  void outside(const std::string& line) {
    if (starts_with(line, ".target sm_")) {
      module_.target_ = std::stoi(line.substr(11));
    } else if (starts_with(line, ".extern .shared")) {
      dynamic_.insert(Declaration(line.substr(0, line.find(';'))).name);
    } else if (starts_with(line, ".shared")) {
      module_shared_.push_back(line.substr(0, line.find(';')));
    } else if (starts_with(line, ".global") || starts_with(line, ".const")) {
      global_variable(line.substr(0, line.find(';')));
    } else if (line.find(".entry") != line.npos) {
      begin_function(line.substr(line.find(".entry") + 6));
    } else if (line.find(".func") != line.npos) {
      fail("device functions that are not inlined are not simulated: " + line);
    }
  }

  // An initialised table, such as the bits of 2 / pi that sinf reads.
  void global_variable(const std::string& text) {
    const Declaration d(text);
    const size_t brace = text.find('{');
    std::vector<uint8_t> bytes(d.size);
    if (brace != text.npos) {
      const auto values = split(text.substr(brace + 1, text.rfind('}') - brace - 1), ',');
      const size_t element = d.size / std::max<size_t>(1, values.size());
      for (size_t i = 0; i < values.size(); ++i) {
        const uint64_t v = std::stoull(values[i], nullptr, 0);
        std::memcpy(&bytes[i * element], &v, element);
      }
    }
    const uint64_t address = device_memory().allocate(bytes.size(), d.name);
    device_memory().copy_in(address, bytes.data(), bytes.size());
    globals_[d.name] = address;
  }

  void begin_function(const std::string& rest) {
    next_ = std::make_unique<Function>();
    next_->name = trimmed(rest.substr(0, rest.find('(')));
    parameters_.clear();
    registers_.clear();
    in_parameters_ = rest.find(')') == rest.npos;
    if (!in_parameters_) function_ = next_.get();
  }

  void parameter(const std::string& line) {
    if (line[0] == ')') {
      in_parameters_ = false;
      function_ = next_.get();
      start_body();
      return;
    }
    const Declaration d(line.back() == ',' ? line.substr(0, line.size() - 1) : line);
    const size_t offset = rounded_up(next_->parameter_bytes, std::max<size_t>(1, d.align));
    next_->parameters.push_back({offset, d.size});
    next_->parameter_bytes = offset + d.size;
    parameters_[d.name] = kParameterWindow + offset;
  }

  void start_body() {
    depth_ = 0;
    labels_.clear();
    branches_.clear();
    tables_.clear();
    locals_.clear();
    symbols_ = parameters_;
    symbols_.insert(globals_.begin(), globals_.end());
    shared_end_ = kSharedBegin;
    for (const std::string& text : module_shared_) add_shared(text);
    for (const std::string& name : dynamic_) symbols_[name] = kUnplaced;
  }

  void add_shared(const std::string& text) {
    const Declaration d(text);
    const uint64_t offset = rounded_up(shared_end_, std::max<size_t>(16, d.align));
    function_->shared.push_back({d.name, offset, d.size});
    symbols_[d.name] = offset;
    shared_end_ = offset + d.size + 64;  // 64 bytes that are nobody's
  }

  void body(const std::string& line) {
    if (depth_ == 0 && starts_with(line, ".maxntid")) {
      function_->max_threads = 1;
      for (const std::string& n : split(line.substr(8), ',')) function_->max_threads *= std::stoull(n);
      return;
    }
    if (depth_ == 0 && line[0] == '.') return;  // .minnctapersm
    for (char c : line) {
      const std::string so_far = trimmed(statement_);
      if (c == '{' && so_far.empty()) {
        ++depth_;
        statement_.clear();
      } else if (c == '}' && so_far.empty()) {
        statement_.clear();
        if (--depth_ == 0) return finish_function();
      } else if (c == ':' && !so_far.empty() && so_far[0] == '$' && so_far.find(' ') == so_far.npos) {
        labels_[so_far] = static_cast<int32_t>(function_->code.size());
        last_label_ = so_far;
        statement_.clear();
      } else if (c == ';') {
        statement_.clear();
        so_far[0] == '.' ? directive(so_far) : instruction(so_far);
      } else {
        statement_ += c;
      }
    }
    statement_ += ' ';
  }

  void directive(const std::string& s) {
    if (starts_with(s, ".shared")) {
      add_shared(s);
    } else if (starts_with(s, ".local")) {
      const Declaration d(s);
      const uint64_t offset = rounded_up(function_->local_bytes, std::max<size_t>(8, d.align));
      symbols_[d.name] = kLocalWindow + offset;
      function_->local_bytes = offset + d.size;
    } else if (starts_with(s, ".branchtargets")) {
      tables_[last_label_] = split(s.substr(14), ',');
    } else if (starts_with(s, ".reg")) {
      locals_.insert(s.substr(s.find_last_of(" \t") + 1));
    } else if (!starts_with(s, ".pragma")) {
      fail("unknown directive " + s);
    }
  }

  void instruction(std::string s) {
    Instruction i;
    i.text = s;
    i.ptx_line = line_number_;
    i.file = source_file_;
    i.line = source_line_;
    if (s[0] == '@') {
      const size_t end = s.find_first_of(" \t");
      i.guard_negated = s[1] == '!';
      i.guard = register_named(s.substr(i.guard_negated ? 2 : 1, end - (i.guard_negated ? 2 : 1)));
      s = trimmed(s.substr(end));
    }
    const size_t end = s.find_first_of(" \t");
    std::string opcode = normalised(s.substr(0, end));
    const auto operands = end == s.npos ? std::vector<std::string>{} : split(s.substr(end), ',');
    if (starts_with(opcode, "mov.") && operands[0][0] == '{') opcode = "unpack" + opcode.substr(3);
    if (starts_with(opcode, "mov.") && operands[1][0] == '{') opcode = "pack" + opcode.substr(3);
    i.run = handler_of(opcode);
    if (!i.run) fail("the simulator lacks " + s.substr(0, end));
    if (starts_with(opcode, "bra")) {
      branches_.emplace_back(function_->code.size(), operands.back());
    } else if (starts_with(opcode, "brx")) {
      add_operand(i, operands[0]);
      branches_.emplace_back(function_->code.size(), operands[1]);
    } else {
      for (const std::string& o : operands) add_operand(i, o);
    }
    function_->code.push_back(std::move(i));
  }

  // Without what makes no difference here. Flushing to zero counts, but on approximations.
  static std::string normalised(const std::string& opcode) {
    static const std::set<std::string> dropped{"rn",      "approx", "full", "uni",     "lo", "nc",       "volatile",
                                               "relaxed", "gpu",    "sync", "aligned", "to", "L2::128B", "L2::256B"};
    const auto parts = split(opcode, '.');
    const bool approximate = opcode.find(".approx") != opcode.npos;
    std::string kept;
    for (const std::string& p : parts) {
      const bool drop = dropped.count(p) && !(p == "lo" && parts[0] == "setp");
      if (!drop && !(p == "ftz" && approximate)) kept += (kept.empty() ? "" : ".") + p;
    }
    return kept;
  }

  void add_operand(Instruction& i, const std::string& text) {
    if (text[0] == '{') {
      for (const std::string& part : split(text.substr(1, text.size() - 2), ',')) add_operand(i, part);
    } else if (text[0] == '[') {
      std::string inside = trimmed(text.substr(1, text.size() - 2));
      const size_t plus = inside.find('+');
      if (plus != inside.npos) {
        i.offset = std::stoll(inside.substr(plus + 1), nullptr, 0);
        inside = inside.substr(0, plus);
      }
      add_operand(i, inside);
    } else if (text.find('|') != text.npos) {
      for (const std::string& part : split(text, '|')) add_operand(i, part);
    } else if (text[0] == '%' || text == "_" || locals_.count(text)) {
      i.operands.push_back(register_named(text));
    } else if (std::isdigit(static_cast<unsigned char>(text[0])) || text[0] == '-') {
      i.operands.push_back(constant(literal(text)));
    } else {
      const auto symbol = symbols_.find(text);
      if (symbol == symbols_.end()) fail("unknown operand " + text + " in " + i.text);
      if (symbol->second == kUnplaced) {
        function_->dynamic_shared = true;
        i.operands.push_back(special("dynamic shared memory"));
      } else {
        i.operands.push_back(constant(symbol->second));
      }
    }
  }

  static uint64_t literal(const std::string& text) {
    if (text.size() > 2 && text[0] == '0' && std::strchr("fFdD", text[1])) return std::stoull(text.substr(2), nullptr, 16);
    return text[0] == '-' ? static_cast<uint64_t>(std::stoll(text, nullptr, 0)) : std::stoull(text, nullptr, 0);
  }

  int32_t add_register(uint64_t value) {
    function_->image.push_back(value);
    return static_cast<int32_t>(function_->image.size()) - 1;
  }
  int32_t constant(uint64_t value) { return named("#" + std::to_string(value), value); }
  int32_t special(const std::string& name) { return function_->specials[name] = named(name, 0); }
  int32_t register_named(const std::string& name) {
    static const std::set<std::string> specials{"%tid", "%ntid", "%ctaid", "%nctaid", "%laneid"};
    return specials.count(name.substr(0, name.find('.'))) ? special(name) : named(name, 0xeeeeeeeeeeeeeeee);
  }
  int32_t named(const std::string& name, uint64_t value) {
    const auto found = registers_.find(name);
    return found != registers_.end() ? found->second : registers_[name] = add_register(value);
  }

  int32_t label(const std::string& name) const {
    const auto found = labels_.find(name);
    if (found == labels_.end()) fail("unknown label " + name);
    return found->second;
  }

  void finish_function() {
    for (const auto& [at, name] : branches_) {
      Instruction& i = function_->code[at];
      const auto table = tables_.find(name);
      if (table == tables_.end()) {
        i.target = label(name);
      } else {
        for (const std::string& t : table->second) i.table.push_back(label(t));
      }
    }
    function_->dynamic_offset = rounded_up(shared_end_, 1024);
    const std::string name = function_->name;
    function_ = nullptr;
    module_.functions_[name] = std::move(next_);
  }

  static constexpr uint64_t kUnplaced = ~uint64_t{0};

  PtxModule& module_;
  std::string path_;
  int first_file_;
  int line_number_ = 0, source_file_ = 0, source_line_ = 0, depth_ = 0;
  bool in_parameters_ = false;
  std::string statement_, last_label_;
  std::set<std::string> dynamic_;
  std::vector<std::string> module_shared_;
  std::map<std::string, uint64_t> globals_, parameters_, symbols_;
  std::map<std::string, int32_t> registers_, labels_;
  std::set<std::string> locals_;  // registers declared within a function, by names without a %
  std::vector<std::pair<size_t, std::string>> branches_;
  std::map<std::string, std::vector<std::string>> tables_;
  uint64_t shared_end_ = 0;
  std::unique_ptr<Function> next_;
  Function* function_ = nullptr;
};

void PtxModule::load(const std::string& path) { PtxParser(*this, path).parse(); }

const Function* PtxModule::find(const std::string& name) const {
  const auto found = functions_.find(name);
  return found == functions_.end() ? nullptr : found->second.get();
}

std::string PtxModule::file_name(int file) const {
  return file >= 0 && static_cast<size_t>(file) < files_.size() ? files_[static_cast<size_t>(file)] : "?";
}

}  // namespace flaxen::simt
