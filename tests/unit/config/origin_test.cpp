// What may stand in server.allowed_origins: what a browser can send, and nothing else.
#include "config/origin.hpp"

#include <gtest/gtest.h>

namespace zws {
namespace {

TEST(OriginTest, WhatBrowsersSendIsOne) {
  for (const std::string_view good :
       {"null", "file://", "https://a.example", "http://b.example:8080", "http://localhost:3000",
        "http://127.0.0.1", "http://[::1]:5173", "https://[2001:db8::1]", "http://a.example:443",
        "https://a.example:80", "https://xn--bcher-kva.example", "http://under_score.example",
        "chrome-extension://abcdefghijklmnop", "moz-extension://0b8d2f1c-6f3a",
        "capacitor://localhost", "tauri://localhost", "app://-", "app://Name"})
    EXPECT_TRUE(is_origin(good)) << good;
}

// It would be an entry that never lets anybody in.
TEST(OriginTest, WhatNoBrowserSendsIsNone) {
  for (const std::string_view bad : {"",
                                     "*",
                                     "a.example",
                                     "//a.example",
                                     "://a.example",
                                     "https://",
                                     "https://a.example/",
                                     "https://a.example/path",
                                     "https://a.example?x",
                                     "https://a.example#x",
                                     "https://me@a.example",
                                     "https://*.example",
                                     "https://a b",
                                     "https://b\xC3\xBC.example",
                                     "https://A.example",
                                     "HTTPS://a.example",
                                     "https://a.example:443",
                                     "http://a.example:80",
                                     "http://[::1]:80",
                                     "https://a.example:",
                                     "https://a.example:x",
                                     "https://a.example:0",
                                     "https://a.example:08443",
                                     "https://a.example:65536",
                                     "https://a.example:1:2",
                                     "https://[::1",
                                     "https://[::1]x",
                                     "https://::1",
                                     "https://[]",
                                     "https://[::G]",
                                     "Null",
                                     "null:",
                                     "file:///",
                                     "file://a.example/",
                                     "https://a.example ",
                                     " null"})
    EXPECT_FALSE(is_origin(bad)) << bad;
}

}  // namespace
}  // namespace zws
