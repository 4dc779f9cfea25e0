#!/usr/bin/ruby
# SPDX-License-Identifier: GPL-2.0
#
# usage: vici_client.rb SOCKET REQUEST...
#
# What vici_client.py is, with strongSwan's VICI client for Ruby.

$LOAD_PATH.unshift("/opt/vici/ruby/lib")
require "json"
require "socket"
require "vici"

STREAMED = %w[initiate terminate list_sas list_policies list_conns list_certs list_authorities].freeze

# What the client made of a message, as JSON has it.
def plain(value)
  case value
  when Hash then value.transform_values { |inner| plain(inner) }
  when Array then value.map { |inner| plain(inner) }
  else value.dup.force_encoding("ASCII").valid_encoding? ? value : [value].pack("m0")
  end
end

def listen(session, events, count)
  session.listen_events(events) do |event, message|
    puts JSON.generate([event, plain(message)])
    count -= 1
    raise Vici::StopEventListening if count.zero?
  end
  { "answer" => nil }
end

def run(session, method, *args)
  return listen(session, *args) if method == "listen"

  method = "call" if method == "request"
  return { "answer" => plain(session.public_send(method, *args)) } unless STREAMED.include?(method)

  events = []
  answer = session.public_send(method, *args) { |event| events.push(plain(event)) }
  { "events" => events, "answer" => plain(answer) }
end

$stdout.sync = true
path, *requests = ARGV
session = Vici::Connection.new(UNIXSocket.new(path))
requests.each do |request|
  begin
    result = run(session, *JSON.parse(request))
  rescue Vici::CommandError, Vici::EventError => e
    result = { "error" => e.class.name, "text" => e.message }
  end
  puts JSON.generate(result)
end
