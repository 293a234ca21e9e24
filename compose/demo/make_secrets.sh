#!/bin/sh
# make_secrets.sh FOLDER USER: what a first try needs and does not have yet: the key of tokens, for
# USER alone, and a certificate for localhost, which browsers warn of. Real ones take their places:
# hs256, tls.crt (the chain), tls.key.
set -eu
umask 077
cd "$1"

if [ ! -s hs256 ]; then
  openssl rand -hex 32 >hs256.new
  chown "$2" hs256.new
  mv hs256.new hs256
fi
if [ ! -s tls.crt ]; then
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 365 -keyout tls.key \
    -out tls.crt -subj /CN=localhost -addext subjectAltName=DNS:localhost,IP:127.0.0.1 2>/dev/null
fi
chmod 755 .
