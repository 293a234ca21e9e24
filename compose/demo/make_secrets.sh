#!/bin/sh
# make_secrets.sh BRIDGE USER NGINX: what a first try needs and does not have yet. Into the folder
# BRIDGE the key of tokens (hs256), for USER alone; into NGINX a certificate for localhost, which
# browsers warn of: tls.crt (the chain), tls.key. Real ones take their places there.
set -eu
umask 077
bridge=$1 user=$2 nginx=$3

if [ ! -s "$bridge/hs256" ]; then
  openssl rand -hex 32 >"$bridge/hs256.new"
  chown "$user" "$bridge/hs256.new"
  mv "$bridge/hs256.new" "$bridge/hs256"
fi
if [ ! -s "$nginx/tls.crt" ]; then
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 365 -keyout "$nginx/tls.key" \
    -out "$nginx/tls.crt" -subj /CN=localhost -addext subjectAltName=DNS:localhost,IP:127.0.0.1 2>/dev/null
fi
chmod 755 "$bridge" "$nginx"
