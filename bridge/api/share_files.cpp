#include "api/share_files.hpp"

#include <filesystem>

#include "core/json_text.hpp"

namespace zws {
namespace {

constexpr std::string_view usual_path = "/api/ws";  // what the files of the share folder say

// `"path/`, as JSON names of what lies below it begin.
std::string opening(std::string_view path) {
  std::string text = json_string(path);
  text.pop_back();
  if (text.back() != '/') text += '/';
  return text;
}

void replace_all(std::string& text, const std::string& from, const std::string& to) {
  for (std::size_t at = 0; (at = text.find(from, at)) != std::string::npos; at += to.size())
    text.replace(at, from.size(), to);
}

// For pages that load a script, and for those that import a module.
std::map<std::string, StaticFile> read_client(const std::string& folder) {
  std::map<std::string, StaticFile> files;
  for (const char* path : {"/client.js", "/client.mjs"}) {
    const std::string file = folder + "/console" + path;
    files[path] = StaticFile::read(file, "text/javascript; charset=utf-8");
    files[path + std::string(".map")] = StaticFile::read(file + ".map", "application/json");
  }
  return files;
}

// What the page loads, by the names that its build made of what is in them.
std::map<std::string, StaticFile> read_assets(const std::string& folder) {
  static const std::map<std::string, std::string> types{{".js", "text/javascript; charset=utf-8"},
                                                        {".css", "text/css; charset=utf-8"},
                                                        {".svg", "image/svg+xml"}};
  std::map<std::string, StaticFile> files;
  std::error_code missing;  // a build without the page
  for (const auto& file :
       std::filesystem::directory_iterator(folder + "/console/assets", missing)) {
    const auto type = types.find(file.path().extension().string());
    if (type != types.end())
      files[file.path().filename().string()] =
          StaticFile::read_lasting(file.path().string(), type->second);
  }
  return files;
}

// The page says in a <meta> where clients connect. It runs and loads nothing but its own files, and no
// other site may show it in a frame, where a click could be led astray.
StaticFile read_page(const std::string& folder, const std::string& path) {
  const StaticFile::Headers headers{
      {"Content-Security-Policy",
       "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src "
       "'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'"},
      {"X-Frame-Options", "DENY"},
      {"Referrer-Policy", "no-referrer"}};
  return StaticFile::read(folder + "/console/index.html", "text/html; charset=utf-8", headers,
                          [&path](std::string& page) {
                            const std::string begin = "name=\"zws-path\" content=\"";
                            const std::string usual = begin + std::string(usual_path) + '"';
                            const std::size_t at = page.find(usual);
                            if (at != std::string::npos)
                              page.replace(at, usual.size(), begin + path + '"');
                          });
}

// The calls lie where clients connect.
StaticFile read_openapi(const std::string& folder, const std::string& path) {
  return StaticFile::read(folder + "/openapi.json", "application/json", {},
                          [&path](std::string& document) {
                            if (path == usual_path) return;
                            replace_all(document, json_string(usual_path), json_string(path));
                            replace_all(document, opening(usual_path), opening(path));
                          });
}

}  // namespace

ShareFiles ShareFiles::read(const std::string& folder, const std::string& path) {
  return {read_page(folder, path), read_assets(folder), read_client(folder),
          read_openapi(folder, path)};
}

}  // namespace zws
