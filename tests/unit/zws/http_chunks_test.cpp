#include "http_chunks.hpp"

#include <gtest/gtest.h>

namespace zws::tool {
namespace {

TEST(HttpChunksTest, TheHeadSaysWhetherThereAreAny) {
  EXPECT_TRUE(is_chunked("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nA: b"));
  EXPECT_TRUE(is_chunked("HTTP/1.1 200 OK\r\nA: b\r\ntransfer-encoding:Chunked"));
  EXPECT_FALSE(is_chunked("HTTP/1.1 200 OK\r\nContent-Length: 7\r\nX-Like: chunked"));
  EXPECT_FALSE(is_chunked("HTTP/1.1 200 OK\r\nTransfer-Encoding: identity\r\nX: chunked"));
}

TEST(HttpChunksTest, TheyAreJoined) {
  EXPECT_EQ(join_chunks("3\r\nabc\r\nA;name=value\r\n0123\r\n6789\r\n0\r\n\r\n"),
            "abc0123\r\n6789");
  EXPECT_EQ(join_chunks("0\r\nTrailer: x\r\n\r\n"), "");
}

TEST(HttpChunksTest, WhatBreaksOffIsNoBody) {
  for (const char* text :
       {"", "3", "3\r\n", "3\r\nab", "3\r\nabc", "3\r\nabc\r\n", "3\r\nabcd\r\n0\r\n", "x\r\n",
        "-1\r\n", "ffffffffffffffff\r\nabc\r\n", "ffffffffffffffffff\r\n"})
    EXPECT_FALSE(join_chunks(text)) << text;
}

}  // namespace
}  // namespace zws::tool
