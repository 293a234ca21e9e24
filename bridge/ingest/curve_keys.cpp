#include "ingest/curve_keys.hpp"

#include <array>
#include <sstream>
#include <zmq.hpp>

#include "config/key_source.hpp"

namespace zws {
namespace {

constexpr std::string_view blanks = " \t\r\n";

std::string_view trimmed(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(blanks);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(blanks) + 1 - begin);
}

bool is_key(const std::string& text) {
  std::array<std::uint8_t, curve_key_bytes> decoded{};
  return text.size() == curve_key_letters &&
         zmq_z85_decode(decoded.data(), text.c_str()) != nullptr;
}

void read_secret(CurveKeys& keys, const std::string& path) {
  const KeySource source("ingest.curve_secret_key_file", path);
  const std::string text = source.read();
  keys.secret = trimmed(text);
  std::array<char, curve_key_letters + 1> public_key{};
  if (!is_key(keys.secret) || zmq_curve_public(public_key.data(), keys.secret.c_str()) != 0)
    source.refuse(
        "is not a CURVE secret key; allowed: 40 characters of Z85, as zws keygen writes "
        "NAME.secret");
  keys.public_key = public_key.data();
}

void read_allowed(CurveKeys& keys, const std::string& path) {
  const KeySource source("ingest.curve_allowed_keys_file", path);
  std::istringstream file(source.read());
  keys.everyone = false;
  std::size_t number = 0;
  for (std::string raw; std::getline(file, raw);) {
    ++number;
    const std::string_view line = trimmed(raw);
    const std::size_t end = line.find_first_of(blanks);
    std::string key(line.substr(0, end));
    if (key.empty() || key.front() == '#') continue;
    if (!is_key(key))
      source.member("line " + std::to_string(number))
          .refuse(
              "is not a CURVE public key; allowed: 40 characters of Z85 and a name behind them");
    if (key == keys.secret)
      source.member("line " + std::to_string(number))
          .refuse("is the bridge's secret key; allowed: public keys of producers");
    keys.allowed[std::move(key)] =
        end == std::string_view::npos ? std::string_view{} : trimmed(line.substr(end));
  }
}

}  // namespace

CurveKeys read_curve_keys(const IngestConfig& config) {
  CurveKeys keys;
  if (config.curve_secret_key_file.empty()) return keys;
  read_secret(keys, config.curve_secret_key_file);
  if (!config.curve_allowed_keys_file.empty()) read_allowed(keys, config.curve_allowed_keys_file);
  return keys;
}

}  // namespace zws
