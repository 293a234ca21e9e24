// ShareFiles: the files of the share folder that the port hands out: the console, the client library and
// the description of the REST calls. They are read once and answered from memory.
//
// Thread: immutable after read(); a reload reads them anew. Errors: a file that is not there is answered
// as StaticFile says.
#pragma once

#include <map>
#include <string>

#include "api/static_file.hpp"

namespace zws {

struct ShareFiles {
  // `path`: where clients connect (server.path), as the page and the description say it.
  static ShareFiles read(const std::string& folder, const std::string& path);

  StaticFile page;                           // of the console
  std::map<std::string, StaticFile> assets;  // of the page, by name
  std::map<std::string, StaticFile> client;  // by path
  StaticFile openapi;
};

}  // namespace zws
