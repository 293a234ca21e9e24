// StaticFile: a file of the share folder as a browser expects one: with an ETag, so that it is not sent
// twice, and compressed for who takes it.
//
// Thread: immutable after construction. The compressed forms are made at build time and lie beside the
// file, with ".gz" or ".br" behind its name; gzip that is not of this very content is not served. Brotli
// holds nothing to tell that by, so that only files whose name is a hash of what they hold have it.
#pragma once

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "core/http.hpp"

namespace zws {

class StaticFile {
 public:
  using Headers = std::vector<std::pair<std::string, std::string>>;

  // Nothing where the file is not there: every answer is then 404. `change` may change what it says.
  static StaticFile read(const std::string& path, std::string content_type, Headers headers = {},
                         const std::function<void(std::string&)>& change = {});

  // A file whose name changes with what it holds: whoever has it never asks for it again.
  static StaticFile read_lasting(const std::string& path, std::string content_type);

  StaticFile() = default;
  StaticFile(std::string content, std::string compressed, std::string content_type,
             Headers headers);

  // Throws ApiRefusal{404}.
  HttpResponse answer(const HttpRequest& request) const;

 private:
  std::string content_;
  std::string compressed_;  // empty: there is none
  std::string brotli_;      // empty: there is none
  std::string content_type_;
  std::string tag_;  // empty: the file is not there
  std::string cache_control_ = "no-cache";
  Headers headers_;
};

}  // namespace zws
