# Verifies messages with Mail::DKIM. Arguments: a file of records ("name record" a line), then message files. Prints a
# line for each: the result of every signature, from the top.
use strict;
use warnings;
use Mail::DKIM::Verifier;
use Mail::DKIM::DNS;
use Net::DNS::RR;

my %record;
open(my $table, '<', shift @ARGV) or die $!;
while (my $line = <$table>) {
    chomp $line;
    my ($name, $text) = split(/ /, $line, 2);
    $record{lc $name} = $text;
}
{
    no warnings 'redefine';
    *Mail::DKIM::DNS::query = sub {
        my ($name, $kind) = @_;
        my $text = $record{lc $name} // return;
        my @strings = $text =~ /(.{1,250})/g;
        return Net::DNS::RR->new(name => $name, type => 'TXT', txtdata => \@strings);
    };
}
for my $path (@ARGV) {
    open(my $file, '<:raw', $path) or die $!;
    local $/ = undef;
    my $message = <$file>;
    close $file;
    my $verifier = Mail::DKIM::Verifier->new();
    $verifier->PRINT($message);
    $verifier->CLOSE();
    print join(' ', map { $_->result } $verifier->signatures), "\n";
}
