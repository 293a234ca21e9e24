#include "port/connection.hpp"

namespace zws {

HttpRequest request_of(const Connection& connection) {
  const StrictRequest& head = connection.get_request();
  HttpRequest request;
  request.method = head.get_method();
  const std::string& target = head.get_uri();
  const std::size_t question = target.find('?');
  request.path = target.substr(0, question);
  if (question != std::string::npos) request.query = target.substr(question + 1);
  for (const auto& [name, value] : head.get_headers()) request.headers.emplace(name, value);
  return request;
}

}  // namespace zws
