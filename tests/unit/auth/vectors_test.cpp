// The examples of RFC 7515 (appendix A), RFC 7520 (section 4.2) and RFC 8037 (appendix A.4).
#include <gtest/gtest.h>

#include "auth/jwks.hpp"

namespace zws {
namespace {

struct Vector {
  const char* name;
  const char* jwk;  // the public members
  const char* token;
};

constexpr char payload[] =
    "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlf"
    "Q";

const std::vector<Vector>& vectors() {
  static const std::string hs256 = std::string("eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.") +
                                   payload + ".dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
  static const std::string rs256 =
      std::string("eyJhbGciOiJSUzI1NiJ9.") + payload +
      ".cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7"
      "AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4"
      "BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K"
      "0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqv"
      "hJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrB"
      "p0igcN_IoypGlUPQGe77Rw";
  static const std::string es256 =
      std::string("eyJhbGciOiJFUzI1NiJ9.") + payload +
      ".DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSA"
      "pmWQxfKTUJqPP3-Kg6NU1Q";
  static const std::vector<Vector> all{
      {"RFC 7515 A.1",
       R"("kty":"oct","alg":"HS256","k":"AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_)"
       R"(T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow")",
       hs256.c_str()},
      {"RFC 7515 A.2",
       R"("kty":"RSA","e":"AQAB","n":"ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k)"
       R"(0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_Y)"
       R"(pRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e)"
       R"(-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7a)"
       R"(GhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ")",
       rs256.c_str()},
      {"RFC 7515 A.3",
       R"("kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",)"
       R"("y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0")",
       es256.c_str()},
      {"RFC 7515 A.4",
       R"("kty":"EC","crv":"P-521",)"
       R"("x":"AekpBQ8ST8a8VcfVOTNl353vSrDCLLJXmPk06wTjxrrjcBpXp5EOnYG_NjFZ6OvLFV1jSfS9tsz4qUxcWceqwQGk",)"
       R"("y":"ADSmRA43Z1DSNx_RvcLI87cdL07l6jQyyBXMoxVg_l2Th-x3S1WDhjDly79ajL4Kkd0AZMaZmh9ubmf63e3kyMj2")",
       "eyJhbGciOiJFUzUxMiJ9.UGF5bG9hZA."
       "AdwMgeerwtHoh-l192l60hp9wAHZFVJbLfD_UxMi70cwnZOYaRI1bKPWROc-mZZq"
       "wqT2SI-KGDKB34XO0aw_7XdtAG8GaSwFKdCAPZgoXD2YBJZCPEX3xKpRwcdOO8Kp"
       "EHwJjyqOgzDO7iKvU8vcnwNrmxYbSW9ERBXukOXolLzeO_Jn"},
      {"RFC 7520 4.2",
       R"("kty":"RSA","alg":"PS384","kid":"bilbo.baggins@hobbiton.example","e":"AQAB",)"
       R"("n":"n4EPtAOCc9AlkeQHPzHStgAbgs7bTZLwUBZdR8_KuKPEHLd4rHVTeT-O-XV2jRojdNhxJWT)"
       R"(DvNd7nqQ0VEiZQHz_AJmSCpMaJMRBSFKrKb2wqVwGU_NsYOYL-QtiWN2lbzcEe6XC0dApr5ydQL)"
       R"(rHqkHHig3RBordaZ6Aj-oBHqFEHYpPe7Tpe-OfVfHd1E6cS6M1FZcD1NNLYD5lFHpPI9bTwJlsd)"
       R"(e3uhGqC0ZCuEHg8lhzwOHrtIQbS0FVbb9k3-tVTU4fg_3L_vniUFAKwuCLqKnS2BYwdq_mzSnbL)"
       R"(Y7h_qixoR7jig3__kRhuaxwUkRz5iaiQkqgc5gHdrNP5zw")",
       "eyJhbGciOiJQUzM4NCIsImtpZCI6ImJpbGJvLmJhZ2dpbnNAaG9iYml0b24uZXhhbXBsZSJ9."
       "SXTigJlzIGEgZGFuZ2Vyb3VzIGJ1c2luZXNzLCBGcm9kbywgZ29pbmcgb3V0IHlvdXIgZG9vci4gWW91IHN0ZXAgb25"
       "0"
       "byB0aGUgcm9hZCwgYW5kIGlmIHlvdSBkb24ndCBrZWVwIHlvdXIgZmVldCwgdGhlcmXigJlzIG5vIGtub3dpbmcgd2h"
       "l"
       "cmUgeW91IG1pZ2h0IGJlIHN3ZXB0IG9mZiB0by4."
       "cu22eBqkYDKgIlTpzDXGvaFfz6WGoz7fUDcfT0kkOy42miAh2qyBzk1xEsnk2IpN6-"
       "tPid6VrklHkqsGqDqHCdP6O8TT"
       "B5dDDItllVo6_1OLPpcbUrhiUSMxbbXUvdvWXzg-"
       "UD8biiReQFlfz28zGWVsdiNAUf8ZnyPEgVFn442ZdNqiVJRmBqrY"
       "RXe8P_ijQ7p8Vdz0TTrxUeT3lm8d9shnr2lfJT8ImUjvAA2Xez2Mlp8cBE5awDzT0qI0n6uiP1aCN_2_"
       "jLAeQTlqRHtf"
       "a64QQSUmFAAjVKPbByi7xho0uTOcbH510a6GYmJUAfmWjwZ6oD4ifKo8DYM-X72Eaw"},
      {"RFC 8037 A.4",
       R"("kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo")",
       "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc."
       "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg"},
  };
  return all;
}

// Whether any key of the JWK verifies the token.
bool verifies(const Vector& vector, std::string_view text) {
  const auto keys =
      keys_of_jwks(std::string("{\"keys\":[{") + vector.jwk + "}]}", KeySource(vector.name));
  std::string reason;
  const auto token = Token::parse(text, reason);
  if (!token) return false;
  for (const auto& key : keys)
    if (key.verifies(*token)) return true;
  return false;
}

TEST(VectorsTest, EachExampleOfTheStandardsVerifies) {
  for (const auto& vector : vectors()) EXPECT_TRUE(verifies(vector, vector.token)) << vector.name;
}

TEST(VectorsTest, NoExampleVerifiesWithAnotherPayload) {
  for (const auto& vector : vectors()) {
    std::string text = vector.token;
    char& letter = text[text.find('.') + 4];
    letter = letter == 'A' ? 'B' : 'A';
    EXPECT_FALSE(verifies(vector, text)) << vector.name;
  }
}

TEST(VectorsTest, TheUnsecuredExampleIsNoToken) {
  const std::string none = std::string("eyJhbGciOiJub25lIn0.") + payload + '.';
  for (const auto& vector : vectors()) EXPECT_FALSE(verifies(vector, none));
}

}  // namespace
}  // namespace zws
