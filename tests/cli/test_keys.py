"""``keys``: on the database itself, with a running gateway and without one."""

from __future__ import annotations

import re
import sqlite3
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from support.commands import cli

from .conftest import Running
