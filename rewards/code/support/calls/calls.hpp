// Calls one function of a C++ program: reads its arguments as the function's own signature has them, writes its value. Stands before the
// program, so that no macro of it reaches here; PREFIX becomes a name that the program cannot know. See rewards/code/call_programs.py.
#include <bits/stdc++.h>
#include <unistd.h>

namespace PREFIX {
struct Data;
}
// What stands after the program has these names alone.
using PREFIX_Text = std::string;
using PREFIX_Args = std::vector<PREFIX::Data>;
PREFIX_Text PREFIX_dispatch(const PREFIX_Text &function, const PREFIX_Args &args);

namespace PREFIX {

struct Fault {
  std::string text;
};

struct Data {  // of JSON: n(ull), t(rue), f(alse), # number, " text, [ list, S set, M pairs
  char kind = 'n';
  std::string text;
  std::vector<Data> items;
};

class Reader {
 public:
  Reader(const char *at, const char *end) : at_(at), end_(end) {}

  Data value() {
    Data data;
    data.kind = take();
    switch (data.kind) {
      case 'n': at_ += 3; break;
      case 't': at_ += 3; break;
      case 'f': at_ += 4; break;
      case '"': data.text = text(); break;
      case '[': data.items = items(); break;
      case '{': marked(data); break;
      default:
        data.text = data.kind;
        data.kind = '#';
        while (at_ != end_ && (std::isalnum(static_cast<unsigned char>(*at_)) || *at_ == '+' || *at_ == '-' || *at_ == '.')) data.text += *at_++;
    }
    return data;
  }

 private:
  char take() {
    while (at_ != end_ && (*at_ == ' ' || *at_ == ',' || *at_ == ':')) ++at_;
    if (at_ == end_) throw Fault{"the arguments end too soon"};
    return *at_++;
  }

  std::vector<Data> items() {
    std::vector<Data> found;
    while (take() != ']') {
      --at_;
      found.push_back(value());
    }
    return found;
  }

  void marked(Data &data) {
    take();
    const std::string mark = text();
    Data inner = value();
    take();
    data.text = inner.text;
    data.items = std::move(inner.items);
    data.kind = mark == "$set" ? 'S' : mark == "$map" || mark == "$dict" ? 'M' : '#';
  }

  unsigned unit() {
    const unsigned found = static_cast<unsigned>(std::stoul(std::string(at_, at_ + 4), nullptr, 16));
    at_ += 4;
    return found;
  }

  std::string text() {
    std::string found;
    for (char sign; (sign = *at_++) != '"';) {
      if (sign != '\\') {
        found += sign;
        continue;
      }
      sign = *at_++;
      if (sign != 'u') {
        found += sign == 'n' ? '\n' : sign == 't' ? '\t' : sign == 'r' ? '\r' : sign == 'b' ? '\b' : sign == 'f' ? '\f' : sign;
        continue;
      }
      unsigned point = unit();
      if (point >= 0xd800 && point < 0xdc00 && at_[0] == '\\' && at_[1] == 'u') {
        at_ += 2;
        point = 0x10000 + ((point - 0xd800) << 10) + (unit() - 0xdc00);
      }
      if (point < 0x80) {
        found += static_cast<char>(point);
        continue;
      }
      const int more = point < 0x800 ? 1 : point < 0x10000 ? 2 : 3;
      found += static_cast<char>((more == 1 ? 0xc0 : more == 2 ? 0xe0 : 0xf0) | point >> 6 * more);
      for (int left = more; left-- > 0;) found += static_cast<char>(0x80 | (point >> 6 * left & 0x3f));
    }
    return found;
  }

  const char *at_, *end_;
};

template <class T> constexpr bool always_false = false;
template <class T> concept Wide = std::is_integral_v<T> || std::is_same_v<T, __int128> || std::is_same_v<T, unsigned __int128>;
template <class T> concept Textual = std::is_same_v<T, std::string> || std::is_same_v<T, std::string_view> || std::is_same_v<T, const char *> || std::is_same_v<T, char *>;
template <class T> concept Paired = requires { typename T::mapped_type; };
template <class T> concept Keyed = !Paired<T> && requires { typename T::key_type; };
template <class T> concept Sequence = !Textual<T> && requires(T &held, typename T::value_type item) { held.push_back(std::move(item)); held.begin(); };
template <class T> concept Fixed = requires { std::tuple_size<T>::value; typename T::value_type; };
template <class T> concept Joined = !Fixed<T> && requires { std::tuple_size<T>::value; };
template <class T> concept Optional = requires(T &held) { held.has_value(); *held; };

inline const char *named(const Data &data) {
  switch (data.kind) {
    case 'n': return "null";
    case 't': case 'f': return "a boolean";
    case '#': return "a number";
    case '"': return "a text";
    case '[': return "a list";
    case 'S': return "a set";
    default: return "a dict";
  }
}

[[noreturn]] inline void refuse(const Data &data, const std::string &wanted) {
  throw Fault{std::string(named(data)) + (data.kind == '#' ? " " + data.text : "") + " where the function takes " + wanted};
}

template <class T> T read_integer(const Data &data) {
  constexpr bool small = sizeof(T) < 16;
  if (data.kind != '#') refuse(data, "an integer");
  std::string digits = data.text;
  if (const auto point = digits.find('.'); point != std::string::npos && digits.find_first_not_of('0', point + 1) == std::string::npos) digits.resize(point);
  const bool negative = digits[0] == '-';
  __int128 value = 0;
  if (digits.size() > 38 || digits.size() == negative || digits.find_first_not_of("0123456789", negative) != std::string::npos) refuse(data, "an integer");
  for (std::size_t place = negative; place < digits.size(); ++place) value = value * 10 + (digits[place] - '0');
  value = negative ? -value : value;
  if constexpr (small) {
    if (value < static_cast<__int128>(std::numeric_limits<T>::min()) || value > static_cast<__int128>(std::numeric_limits<T>::max())) refuse(data, "a smaller integer");
  }
  return static_cast<T>(value);
}

template <class T> T read(const Data &data);

template <class T, std::size_t... Place> T read_joined(const Data &data, std::index_sequence<Place...>) {
  if (data.kind != '[' || data.items.size() != sizeof...(Place)) refuse(data, "a tuple of " + std::to_string(sizeof...(Place)));
  return T{read<std::tuple_element_t<Place, T>>(data.items[Place])...};
}

template <class T> T read(const Data &data) {
  if constexpr (std::is_same_v<T, bool>) {
    if (data.kind != 't' && data.kind != 'f') refuse(data, "a boolean");
    return data.kind == 't';
  } else if constexpr (std::is_same_v<T, char>) {
    if (data.kind != '"' || data.text.size() != 1) refuse(data, "a character");
    return data.text[0];
  } else if constexpr (Wide<T>) {
    return read_integer<T>(data);
  } else if constexpr (std::is_floating_point_v<T>) {
    if (data.kind != '#') refuse(data, "a number");
    return static_cast<T>(std::strtold(data.text.c_str(), nullptr));
  } else if constexpr (Textual<T>) {
    if (data.kind != '"') refuse(data, "a text");
    if constexpr (std::is_same_v<T, std::string>) return data.text;
    else if constexpr (std::is_same_v<T, std::string_view>) return data.text;
    else return const_cast<T>(data.text.c_str());
  } else if constexpr (Optional<T>) {
    if (data.kind == 'n') return T{};
    return T{read<typename T::value_type>(data)};
  } else if constexpr (Paired<T>) {
    if (data.kind != 'M') refuse(data, "a dict");
    T made;
    for (const Data &pair : data.items) made.emplace(read<typename T::key_type>(pair.items[0]), read<typename T::mapped_type>(pair.items[1]));
    return made;
  } else if constexpr (Keyed<T>) {
    if (data.kind != 'S' && data.kind != '[') refuse(data, "a set");
    T made;
    for (const Data &item : data.items) made.insert(read<typename T::key_type>(item));
    return made;
  } else if constexpr (Sequence<T>) {
    if (data.kind != '[') refuse(data, "a list");
    T made;
    for (const Data &item : data.items) made.push_back(read<typename T::value_type>(item));
    return made;
  } else if constexpr (Fixed<T>) {
    if (data.kind != '[' || data.items.size() != std::tuple_size<T>::value) refuse(data, "a list of another length");
    T made{};
    for (std::size_t place = 0; place < data.items.size(); ++place) made[place] = read<typename T::value_type>(data.items[place]);
    return made;
  } else if constexpr (Joined<T>) {
    return read_joined<T>(data, std::make_index_sequence<std::tuple_size<T>::value>{});
  } else {
    throw Fault{std::string("what the function takes, ") + typeid(T).name() + ", is no data"};
  }
}

inline void write_text(std::string &out, std::string_view text) {
  out += '"';
  for (const unsigned char sign : text) {
    char escaped[8];
    if (sign == '"' || sign == '\\') (out += '\\') += static_cast<char>(sign);
    else if (sign < 0x20) out.append(escaped, static_cast<std::size_t>(std::snprintf(escaped, sizeof escaped, "\\u%04x", sign)));
    else out += static_cast<char>(sign);
  }
  out += '"';
}

template <class T> void write_integer(std::string &out, T value) {
  char digits[48], *first = digits + sizeof digits;
  const bool negative = value < T{};
  do *--first = static_cast<char>('0' + (negative ? -static_cast<int>(value % 10) : static_cast<int>(value % 10)));
  while (value /= 10);
  if (negative) *--first = '-';
  out.append(first, digits + sizeof digits);
}

template <class T> void write_float(std::string &out, T value) {
  if (!std::isfinite(value)) {
    out += std::isnan(value) ? R"({"$float":"NaN"})" : value > 0 ? R"({"$float":"Infinity"})" : R"({"$float":"-Infinity"})";
    return;
  }
  char digits[128];
  const std::string_view text(digits, static_cast<std::size_t>(std::to_chars(digits, digits + sizeof digits, value).ptr - digits));
  out += text;
  if (text.find_first_of(".e") == std::string_view::npos) out += ".0";
}

template <class T> void write(std::string &out, const T &value);

template <class Items> void write_items(std::string &out, const Items &items) {
  out += '[';
  bool first = true;
  for (const auto &item : items) {
    if (!std::exchange(first, false)) out += ',';
    write<std::decay_t<typename Items::value_type>>(out, item);
  }
  out += ']';
}

template <class T> void write(std::string &out, const T &value) {
  if constexpr (std::is_same_v<T, bool>) {
    out += value ? "true" : "false";
  } else if constexpr (std::is_same_v<T, char>) {
    write_text(out, std::string_view(&value, 1));
  } else if constexpr (Wide<T>) {
    write_integer(out, value);
  } else if constexpr (std::is_floating_point_v<T>) {
    write_float(out, value);
  } else if constexpr (std::is_same_v<T, const char *> || std::is_same_v<T, char *>) {
    value ? write_text(out, value) : void(out += "null");
  } else if constexpr (Textual<T>) {
    write_text(out, value);
  } else if constexpr (std::is_same_v<T, std::nullopt_t> || std::is_same_v<T, std::nullptr_t>) {
    out += "null";
  } else if constexpr (Optional<T>) {
    value.has_value() ? write<typename T::value_type>(out, *value) : void(out += "null");
  } else if constexpr (Paired<T>) {
    out += R"({"$map":)";
    write_items(out, value);
    out += '}';
  } else if constexpr (Keyed<T>) {
    out += R"({"$set":)";
    write_items(out, value);
    out += '}';
  } else if constexpr (Sequence<T> || Fixed<T>) {
    write_items(out, value);
  } else if constexpr (Joined<T>) {
    out += '[';
    bool first = true;
    std::apply([&](const auto &...item) { ((std::exchange(first, false) ? void() : void(out += ','), write<std::decay_t<decltype(item)>>(out, item)), ...); }, value);
    out += ']';
  } else {
    out += R"({"$other":)";
    write_text(out, typeid(T).name());
    out += '}';
  }
}

template <class R, class... A, class F, std::size_t... Place> std::string call_with(const std::vector<Data> &args, F &&function, std::index_sequence<Place...>) {
  if (args.size() != sizeof...(A)) throw Fault{"the test has " + std::to_string(args.size()) + " arguments, the function takes " + std::to_string(sizeof...(A))};
  std::size_t at = 0;
  std::string out;
  try {
    std::tuple<std::decay_t<A>...> given{(at = Place, read<std::decay_t<A>>(args[Place]))...};
    at = args.size();
    if constexpr (std::is_void_v<R>) {
      function(static_cast<A &&>(std::get<Place>(given))...);
      out = "null";
    } else {
      write<std::decay_t<R>>(out, function(static_cast<A &&>(std::get<Place>(given))...));
    }
  } catch (const Fault &fault) {
    throw Fault{at < args.size() ? "args[" + std::to_string(at) + "]: " + fault.text : fault.text};
  }
  return out;
}

template <class R, class... A> std::string call(const std::vector<Data> &args, R (*function)(A...)) {
  return call_with<R, A...>(args, function, std::index_sequence_for<A...>{});
}
template <class C, class R, class... A> std::string call(const std::vector<Data> &args, R (C::*method)(A...)) {
  C object{};
  return call_with<R, A...>(args, [&](A... given) -> R { return (object.*method)(static_cast<A &&>(given)...); }, std::index_sequence_for<A...>{});
}
template <class C, class R, class... A> std::string call(const std::vector<Data> &args, R (C::*method)(A...) const) {
  C object{};
  return call_with<R, A...>(args, [&](A... given) -> R { return (object.*method)(static_cast<A &&>(given)...); }, std::index_sequence_for<A...>{});
}
template <class C, class R, class... A> std::string call_object(const std::vector<Data> &args, const C &held, R (C::*)(A...) const) {
  return call_with<R, A...>(args, held, std::index_sequence_for<A...>{});
}
template <class C> requires std::is_class_v<C> std::string call(const std::vector<Data> &args, C *held) {  // auto f = [](int a) { ... };
  return call_object<C>(args, *held, &C::operator());
}

inline int run() {
  std::string token, function, rest, out;
  std::getline(std::cin, token);
  std::getline(std::cin, function);
  std::getline(std::cin, rest);
  try {
    const Data args = Reader(rest.data(), rest.data() + rest.size()).value();
    out = PREFIX_dispatch(function, args.items);
  } catch (const Fault &fault) {
    out = R"({"$fault":)";
    write_text(out, fault.text);
    out += '}';
  }
  out = token + out + '\n';
  for (std::size_t done = 0; done < out.size();) {
    const auto written = ::write(3, out.data() + done, out.size() - done);
    if (written <= 0) _exit(70);
    done += static_cast<std::size_t>(written);
  }
  _exit(0);
}

}  // namespace PREFIX

template <class F> PREFIX_Text PREFIX_call(const PREFIX_Args &args, F function) { return PREFIX::call(args, function); }
extern "C" int __wrap_main(int, char **) { return PREFIX::run(); }
