// Request heads that every party on the way reads alike, and those that are refused.
#include "port/http_head.hpp"

#include <gmock/gmock.h>

#include <string>

namespace zws {
namespace {

std::string head(const std::string& headers, const std::string& line = "GET / HTTP/1.1") {
  return line + "\r\n" + headers + "\r\n";
}

TEST(HttpHeadTest, AcceptsWhatClientsSend) {
  EXPECT_EQ(head_fault(head("")), 0);
  EXPECT_EQ(head_fault(head("Host: a\r\n")), 0);
  EXPECT_EQ(head_fault(head("Host:a:8000\r\nX-Any_thing!: \t words, \"and\" more \r\nEmpty:\r\n",
                            "POST /api/ws?token=a.b&c HTTP/1.1")),
            0);
  EXPECT_EQ(head_fault(head("Host: a\r\nContent-Length: 0\r\n", "M-SEARCH /x HTTP/1.0")), 0);
  EXPECT_EQ(head_fault(head("Cookie: a\r\nCookie: b\r\nX-Forwarded-For: 1.2.3.4\r\n"
                            "X-Forwarded-For: 5.6.7.8\r\n")),
            0);
  EXPECT_EQ(head_fault(head("X-Umlaut: \xC3\xA4\r\n")), 0);
}

TEST(HttpHeadTest, RefusesRequestLinesThatAreNone) {
  for (const char* line : {"",
                           "GET",
                           "GET /",
                           "GET  / HTTP/1.1",
                           "GET / HTTP/1.1 ",
                           " GET / HTTP/1.1",
                           "GET / HTTP/2.0",
                           "GET / http/1.1",
                           "GET / HTTP/1.10",
                           "GET /a b HTTP/1.1",
                           "G(T / HTTP/1.1",
                           "GET  HTTP/1.1",
                           "GET ftp://a/ HTTP/1.1",
                           "GET * HTTP/1.1",
                           "GET http:///x HTTP/1.1",
                           "GET http:// HTTP/1.1",
                           "GET http://a@b/ HTTP/1.1",
                           "GET http:a HTTP/1.1",
                           "GET a/ HTTP/1.1",
                           "GET /\x01 HTTP/1.1",
                           "GET /\t HTTP/1.1x",
                           "GET /\n HTTP/1.1",
                           "GET /\x7F HTTP/1.1"})
    EXPECT_EQ(head_fault(head("Host: a\r\n", line)), 400) << line;
}

TEST(HttpHeadTest, TokensAreReadWholeAndWithoutCase) {
  for (const char* list :
       {"websocket", "WebSocket", " websocket\t", "h2c, websocket", "a,websocket,b"})
    EXPECT_TRUE(names_token(list, "websocket")) << list;
  for (const char* list : {"", ",", "notwebsocketatall", "xwebsocket", "websockets", "web socket",
                           "websocket/13", "a websocket", "\"websocket\""})
    EXPECT_FALSE(names_token(list, "websocket")) << list;
}

TEST(HttpHeadTest, AnAbsoluteTargetIsItsAuthorityAndItsPath) {
  const auto parts = [](std::string_view target) {
    const RequestTarget found = target_of(target);
    return std::string(found.authority) + ' ' + found.path;
  };
  EXPECT_EQ(parts("/x?y"), " /x?y");
  EXPECT_EQ(parts("/http://a/x"), " /http://a/x");
  EXPECT_EQ(parts("http://a:80/x?y"), "a:80 /x?y");
  EXPECT_EQ(parts("HTTPS://[::1]:80"), "[::1]:80 /");
  EXPECT_EQ(parts("http://a?y/z"), "a /?y/z");
  EXPECT_EQ(head_fault(head("Host: b\r\n", "GET http://a:80/x HTTP/1.1")), 0);
  EXPECT_EQ(head_fault(head("Host: b\r\n", "GET https://a HTTP/1.0")), 0);
}

TEST(HttpHeadTest, RefusesHeaderLinesThatTwoPartiesMightReadDifferently) {
  for (const char* lines : {"no colon\r\n", ": no name\r\n", "Host : a\r\n", " Host: a\r\n",
                            "A: b\r\n folded\r\n", "A: b\nHost: c\r\n", "A: b\rc\r\n",
                            "A: b\x01\r\n", "A: b\x7F\r\n", "A\x80: b\r\n", "A B: c\r\n"})
    EXPECT_EQ(head_fault(head(lines)), 400) << lines;
  EXPECT_EQ(head_fault(head(std::string("A: b\0c\r\n", 8))), 400);
}

TEST(HttpHeadTest, RefusesASecondHeaderOfWhatMayStandOnce) {
  for (const char* name : {"Host", "Content-Length", "Transfer-Encoding", "Sec-WebSocket-Key",
                           "Authorization", "Origin", "Sec-WebSocket-Version", "Content-Type"}) {
    const std::string line = std::string(name) + ": 1\r\n";
    std::string other = line;
    other[0] = static_cast<char>(other[0] | 0x20);
    EXPECT_EQ(head_fault(head(line)), 0) << name;
    EXPECT_EQ(head_fault(head(line + line)), 400) << name;
    EXPECT_EQ(head_fault(head(line + "A: b\r\n" + other)), 400) << name;
  }
}

TEST(HttpHeadTest, RefusesLengthsThatAreNoPlainNumber) {
  for (const char* length :
       {"", "+1", "-1", "1 2", "1,1", "0x10", "1.0", "ten", "1234567890123456789"})
    EXPECT_EQ(head_fault(head("Content-Length: " + std::string(length) + "\r\n")), 400) << length;
  EXPECT_EQ(head_fault(head("Content-Length:\t 123456789012345678 \r\n")), 0);
  EXPECT_EQ(head_fault(head("Content-Length: 4\r\nTransfer-Encoding: chunked\r\n")), 400);
}

TEST(HttpHeadTest, SizesAreBoundedAlsoBeforeTheEndHasCome) {
  const std::string path = "GET /" + std::string(request_line_bytes_max - 14, 'a') + " HTTP/1.1";
  ASSERT_EQ(path.size(), request_line_bytes_max);
  EXPECT_EQ(head_fault(head("", path)), 0);
  EXPECT_EQ(head_fault(head("", path.substr(0, 5) + 'a' + path.substr(5))), 414);
  EXPECT_EQ(partial_head_fault(std::string(request_line_bytes_max, 'a')), 0);
  EXPECT_EQ(partial_head_fault(std::string(request_line_bytes_max + 1, 'a')), 414);

  const std::string small = head("A: \r\n");
  const auto filled = [&](std::size_t bytes) {
    return head("A: " + std::string(bytes - small.size(), 'b') + "\r\n");
  };
  EXPECT_EQ(head_fault(filled(request_head_bytes_max)), 0);
  EXPECT_EQ(head_fault(filled(request_head_bytes_max + 1)), 431);
  EXPECT_EQ(partial_head_fault(filled(request_head_bytes_max + 1)), 431);
  EXPECT_EQ(partial_head_fault("GET"), 0);
  EXPECT_EQ(partial_head_fault(""), 0);
}

TEST(HttpHeadTest, NoCutOfAHeadIsReadBeyondItsEnd) {
  const std::string whole = head("Host: a\r\nContent-Length: 3\r\n");
  for (std::size_t size = 0; size < whole.size(); ++size) {
    const std::string cut = whole.substr(0, size);
    EXPECT_EQ(partial_head_fault(cut), 0);
    const int fault = head_fault(cut);
    EXPECT_TRUE(fault == 400 || (fault == 0 && size > whole.find('\r'))) << fault << '\n' << cut;
  }
}

}  // namespace
}  // namespace zws
