#!/bin/bash
# Created by edgeadm. The exit status is 0 if haproxy on this host has a live API server.
exec 3<>/dev/tcp/127.0.0.1/6442 || exit 1
printf 'GET /alive HTTP/1.0\r\n\r\n' >&3
read -r -t 2 _ status _ <&3 && [ "$status" = 200 ]
