#include "api/static_file.hpp"

#include <array>
#include <cstdint>
#include <fstream>
#include <sstream>

#include "api/request.hpp"
#include "core/log.hpp"

namespace zws {
namespace {

bool read_file(const std::string& path, std::string& content) {
  std::ifstream stream(path, std::ios::binary);
  if (!stream) return false;
  std::ostringstream text;
  text << stream.rdbuf();
  content = text.str();
  return true;
}

// As it stands, little-endian, at the end of what gzip makes: then comes the size.
std::uint32_t crc32(std::string_view bytes) noexcept {
  std::uint32_t crc = 0xFFFFFFFF;
  for (const char c : bytes) {
    crc ^= static_cast<unsigned char>(c);
    for (int i = 0; i < 8; ++i) crc = (crc >> 1) ^ (0xEDB88320 & (0U - (crc & 1)));
  }
  return ~crc;
}

bool is_gzip_of(std::string_view compressed, std::string_view content) noexcept {
  constexpr std::size_t trailer = 8;
  if (compressed.size() < 18) return false;
  const auto number = [&](std::size_t at) {
    std::uint32_t value = 0;
    for (std::size_t i = 4; i-- > 0;)
      value = value << 8 | static_cast<unsigned char>(compressed[at + i]);
    return value;
  };
  const std::size_t end = compressed.size() - trailer;
  return number(end) == crc32(content) &&
         number(end + 4) == static_cast<std::uint32_t>(content.size());
}

// FNV-1a: nobody but us chooses what is in the files.
std::string hash_of(std::string_view bytes) {
  std::uint64_t hash = 14'695'981'039'346'656'037U;
  for (const char c : bytes) hash = (hash ^ static_cast<unsigned char>(c)) * 1'099'511'628'211U;
  return fmt::format("{:016x}", hash);
}

// Calls `visit` with each element of a list, without blanks.
template <typename Visit>
bool any_of(std::string_view list, Visit visit) {
  while (!list.empty()) {
    const std::string_view one = list.substr(0, list.find(','));
    if (visit(trimmed(one))) return true;
    list.remove_prefix(std::min(one.size() + 1, list.size()));
  }
  return false;
}

bool takes(std::string_view wanted, std::string_view accepted) {
  return any_of(accepted, [wanted](std::string_view one) {
    const std::size_t semicolon = std::min(one.find(';'), one.size());
    const HeaderLess less;
    const std::string_view coding = trimmed(one.substr(0, semicolon));
    if (less(coding, wanted) || less(wanted, coding)) return false;
    const std::string_view weight = trimmed(one.substr(std::min(semicolon + 1, one.size())));
    return weight.substr(0, 3) != "q=0" || weight.find_first_not_of("q=0.") != weight.npos;
  });
}

// The comparison is weak, as it is meant for If-None-Match.
bool names_tag(std::string_view list, std::string_view tag) {
  return any_of(list, [tag](std::string_view one) {
    if (one.substr(0, 2) == "W/") one.remove_prefix(2);
    return one == tag || one == "*";
  });
}

}  // namespace

StaticFile StaticFile::read(const std::string& path, std::string content_type, Headers headers,
                            const std::function<void(std::string&)>& change) {
  std::string content;
  if (!read_file(path, content)) return {};
  if (change) change(content);
  std::string compressed;
  if (!read_file(path + ".gz", compressed) || !is_gzip_of(compressed, content)) compressed.clear();
  return {std::move(content), std::move(compressed), std::move(content_type), std::move(headers)};
}

StaticFile StaticFile::read_lasting(const std::string& path, std::string content_type) {
  StaticFile file = read(path, std::move(content_type));
  read_file(path + ".br", file.brotli_);
  file.cache_control_ = "public, max-age=31536000, immutable";
  return file;
}

StaticFile::StaticFile(std::string content, std::string compressed, std::string content_type,
                       Headers headers)
    : content_(std::move(content)),
      compressed_(std::move(compressed)),
      content_type_(std::move(content_type)),
      tag_(hash_of(content_)),
      headers_(std::move(headers)) {}

HttpResponse StaticFile::answer(const HttpRequest& request) const {
  if (tag_.empty()) throw ApiRefusal{404, "invalid_message", "this file is not installed"};
  const std::string_view accepted = request.header("Accept-Encoding");
  const bool brotli = !brotli_.empty() && takes("br", accepted);
  const bool gzip = !brotli && !compressed_.empty() && takes("gzip", accepted);
  const std::string coding = brotli ? "br" : gzip ? "gzip" : "";
  // Two forms are two things to a cache.
  const std::string tag = '"' + tag_ + (coding.empty() ? "" : "-" + coding) + '"';
  HttpResponse response;
  response.headers = headers_;
  response.headers.insert(response.headers.end(), {{"ETag", tag},
                                                   {"Cache-Control", cache_control_},
                                                   {"Vary", "Accept-Encoding"},
                                                   {"X-Content-Type-Options", "nosniff"}});
  if (names_tag(request.header("If-None-Match"), tag)) {
    response.status = 304;
    response.content_type.clear();
    return response;
  }
  response.content_type = content_type_;
  response.body = brotli ? brotli_ : gzip ? compressed_ : content_;
  if (!coding.empty()) response.headers.emplace_back("Content-Encoding", coding);
  return response;
}

}  // namespace zws
