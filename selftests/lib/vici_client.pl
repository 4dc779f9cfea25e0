#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0
#
# usage: vici_client.pl SOCKET REQUEST...
#
# What vici_client.py is, with strongSwan's VICI client for Perl. That one has no method to
# listen, and none for what it does not know: those are made of what its session is made of.

use strict;
use warnings;
use lib '/opt/vici/perl/Vici-Session/lib';
use IO::Socket::UNIX;
use JSON::PP;
use MIME::Base64;
use Vici::Message;
use Vici::Packet;
use Vici::Session;
use Vici::Transport;

$| = 1;
my $json = JSON::PP->new->canonical;
my ($path, @requests) = @ARGV;
my $socket = IO::Socket::UNIX->new(Type => SOCK_STREAM, Peer => $path)
	or die "$path: $!\n";
my $session = Vici::Session->new($socket);
my $packet = Vici::Packet->new($socket);
my $transport = Vici::Transport->new($socket);

# What the client made of a message, as JSON has it.
sub plain {
	my ($value) = @_;

	return { map { $_ => plain($value->{$_}) } keys %$value } if ref $value eq 'HASH';
	return [ map { plain($_) } @$value ] if ref $value eq 'ARRAY';
	return plain($value->hash()) if ref $value;
	return $value =~ /[^\0-\x7f]/ ? encode_base64($value, '') : $value;
}

sub listen_events {
	my ($events, $count) = @_;

	$packet->register($_) for @$events;
	do {
		my ($type, $name, $data) = unpack('CC/a*a*', $transport->receive());

		die "a packet of type $type\n" if $type != Vici::Packet::EVENT;
		print $json->encode([$name, plain(Vici::Message->from_data($data))]), "\n";
	} while (--$count);
	$packet->unregister($_) for @$events;
	return { answer => undef };
}

sub run {
	my ($method, $request, @more) = @_;
	my @result;

	return listen_events($request, @more) if $method eq 'listen';
	if ($method eq 'request') {
		@result = $packet->request($request);
	} else {
		@result = $session->$method($request ? Vici::Message->new($request) : ());
	}
	# Success or not, and why not; a message; or messages that were streamed.
	@result = ({ success => $result[0] ? 'yes' : 'no', errmsg => $result[1] // '' })
		if !ref $result[0];
	return { events => plain($result[0]) } if ref $result[0] eq 'ARRAY';

	my $answer = plain($result[0]);

	return { error => 'errmsg', text => $answer->{errmsg} }
		if ($answer->{success} // 'yes') ne 'yes';
	return { answer => $answer };
}

for my $request (@requests) {
	my $result = eval { run(@{ $json->decode($request) }) };

	if (!$result) {
		chomp(my $text = $@);
		$result = { error => 'die', text => $text };
	}
	print $json->encode($result), "\n";
}
