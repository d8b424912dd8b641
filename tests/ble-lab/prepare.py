"""Prepares on the host what needs no radio, because everything takes twenty times as long in the machine."""
import leaks
from hospital import Hospital
from told import Failed, die

try:
    leaks.check()
    Hospital().prepare()
except Failed as failure:
    die(str(failure))
