#include "tapped.hpp"

#include <openssl/evp.h>

#include <nlohmann/json.hpp>

#include "core/json_text.hpp"
#include "core/topic.hpp"

namespace zws::tool {
namespace {

std::string base64(const std::string& bytes) {
  std::string text(4 * ((bytes.size() + 2) / 3) + 1, '\0');
  const int size = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()),
                                   reinterpret_cast<const unsigned char*>(bytes.data()),
                                   static_cast<int>(bytes.size()));
  text.resize(static_cast<std::size_t>(size));
  return text;
}

bool is_json(const std::string& text) { return nlohmann::json::accept(text); }

// Text as a JSON string, even where it is not UTF-8.
std::string lenient_string(const std::string& text) {
  return nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

// JSON on one line: newlines can only stand between its parts.
std::string flat(std::string json) {
  for (char& c : json) c = c == '\n' || c == '\r' ? ' ' : c;
  return json;
}

}  // namespace

TappedMessage tapped(const std::vector<std::string>& frames) {
  TappedMessage message;
  message.topic = frames[0];
  if (frames.size() == 1) {
    const std::size_t space = frames[0].find(' ');
    message.topic = frames[0].substr(0, space);
    if (space == std::string::npos)
      message.fault = "no payload";
    else
      message.payload = frames[0].substr(space + 1);
  } else {
    message.payload = frames[1];
  }
  if (frames.size() > 2) message.header = frames[2];
  const TopicFault fault = topic_fault(message.topic);
  if (fault != TopicFault::none) message.fault = name_of(fault);
  return message;
}

std::string tapped_json(const TappedMessage& message) {
  JsonObject object;
  object.json("topic", lenient_string(message.topic));
  if (is_json(message.payload))
    object.json("payload", flat(message.payload));
  else if (is_utf8(message.payload))
    object.text("payload", message.payload);
  else
    object.text("payload", base64(message.payload)).text("encoding", "base64");
  if (!message.header.empty())
    object.json("header",
                is_json(message.header) ? flat(message.header) : lenient_string(message.header));
  if (!message.fault.empty()) object.text("fault", message.fault);
  return object.done();
}

}  // namespace zws::tool
