// Files as browsers want them: not sent twice, compressed for who takes it, and never another's bytes.
#include "api/static_file.hpp"

#include <gmock/gmock.h>

#include "api/request.hpp"
#include "support/folder.hpp"

namespace zws {
namespace {

// What `printf hello | gzip -9 -n` says, header and trailer of it the file's own.
const std::string hello_gz(
    "\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\x03\xcb\x48\xcd\xc9\xc9\x07\x00"
    "\x86\xa6\x10\x36\x05\x00\x00\x00",
    25);

class StaticFileTest : public testing::Test {
 protected:
  static HttpResponse ask(const StaticFile& file, const std::string& header = "X",
                          const std::string& value = "") {
    HttpRequest request;
    request.method = "GET";
    request.headers.emplace(header, value);
    return file.answer(request);
  }
  static std::string header(const HttpResponse& response, const std::string& name) {
    for (const auto& [key, value] : response.headers) {
      if (key == name) return value;
    }
    return "";
  }
  StaticFile read(std::string_view content, std::string_view compressed) const {
    folder_.file("a.gz", compressed);
    return StaticFile::read(folder_.file("a", content), "text/plain", {{"X-Own", "1"}});
  }

  Folder folder_;
};

TEST_F(StaticFileTest, ItIsSentWholeWithItsHeaders) {
  const HttpResponse answer = ask(read("hello", ""));
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.body, "hello");
  EXPECT_EQ(answer.content_type, "text/plain");
  EXPECT_EQ(header(answer, "X-Own"), "1");
  EXPECT_EQ(header(answer, "X-Content-Type-Options"), "nosniff");
  EXPECT_EQ(header(answer, "Content-Encoding"), "");
}

TEST_F(StaticFileTest, WhoHasItIsNotSentItAgain) {
  const StaticFile file = read("hello", "");
  const std::string tag = header(ask(file), "ETag");
  ASSERT_EQ(tag.size(), 18U);
  for (const std::string& held : {tag, "W/" + tag, "\"x\", " + tag + ",\"y\"", std::string("*")}) {
    const HttpResponse answer = ask(file, "If-None-Match", held);
    EXPECT_EQ(answer.status, 304) << held;
    EXPECT_EQ(answer.body, "");
    EXPECT_EQ(answer.content_type, "");
    EXPECT_EQ(header(answer, "ETag"), tag);
  }
  for (const std::string& held : {std::string("\"x\""), tag.substr(1, 16), std::string()})
    EXPECT_EQ(ask(file, "If-None-Match", held).status, 200) << held;
  EXPECT_NE(header(ask(read("hullo", "")), "ETag"), tag);
}

TEST_F(StaticFileTest, WhoTakesItCompressedGetsItSo) {
  const StaticFile file = read("hello", hello_gz);
  for (const char* accepted : {"gzip", "deflate, GZIP;q=0.5", "br,gzip , x", "gzip;q=1.0"}) {
    const HttpResponse answer = ask(file, "Accept-Encoding", accepted);
    EXPECT_EQ(answer.body, hello_gz) << accepted;
    EXPECT_EQ(header(answer, "Content-Encoding"), "gzip");
    EXPECT_EQ(header(answer, "Vary"), "Accept-Encoding");
    EXPECT_NE(header(answer, "ETag"), header(ask(file), "ETag"));
  }
  for (const char* accepted : {"", "identity", "gzip;q=0", "gzip; q=0.0", "xgzip", "gzipx", "br"})
    EXPECT_EQ(ask(file, "Accept-Encoding", accepted).body, "hello") << accepted;
}

TEST_F(StaticFileTest, ACompressedFormOfSomethingElseIsNotServed) {
  for (const std::string& compressed : {std::string("rubbish"), std::string(), hello_gz + "x"})
    EXPECT_EQ(ask(read("hello", compressed), "Accept-Encoding", "gzip").body, "hello");
  EXPECT_EQ(ask(read("hullo", hello_gz), "Accept-Encoding", "gzip").body, "hullo");
  const StaticFile changed = StaticFile::read(folder_.file("a", "hello"), "text/plain", {},
                                              [](std::string& text) { text = "other"; });
  EXPECT_EQ(ask(changed, "Accept-Encoding", "gzip").body, "other");
}

TEST_F(StaticFileTest, WhatIsNamedByItsHashIsKeptForGood) {
  folder_.file("a.gz", hello_gz);
  folder_.file("a.br", "brotli");
  const StaticFile file = StaticFile::read_lasting(folder_.file("a", "hello"), "text/css");
  EXPECT_EQ(header(ask(file), "Cache-Control"), "public, max-age=31536000, immutable");
  EXPECT_EQ(header(ask(read("hello", "")), "Cache-Control"), "no-cache");

  const HttpResponse brotli = ask(file, "Accept-Encoding", "gzip, br");
  EXPECT_EQ(brotli.body, "brotli");
  EXPECT_EQ(header(brotli, "Content-Encoding"), "br");
  const HttpResponse gzip = ask(file, "Accept-Encoding", "gzip, br;q=0");
  EXPECT_EQ(gzip.body, hello_gz);
  EXPECT_NE(header(gzip, "ETag"), header(brotli, "ETag"));
  EXPECT_EQ(ask(file).body, "hello");
}

TEST_F(StaticFileTest, WhatIsNotThereIs404) {
  try {
    ask(StaticFile::read(folder_.path().string() + "/none", "text/plain"));
    FAIL();
  } catch (const ApiRefusal& refusal) {
    EXPECT_EQ(refusal.status, 404);
  }
}

}  // namespace
}  // namespace zws
