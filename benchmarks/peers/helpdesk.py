"""django-helpdesk's ``get_email``: a ticket in SQLite for each mail, an answer, one message to five."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from benchmarks.arena import COMMUNITY, Cost, run
from benchmarks.peers.ring import PEERS, RECIPIENTS, Arena, NotTheWorkError

NAME = "django-helpdesk get_email"
SENDS = 2
NOTE = "one message to five; mail is deleted, not filed; what could not be sent is not tried again"
PYTHON = PEERS / "bin" / "python"

SETTINGS = """
SECRET_KEY = "bench"
DEBUG = False
ALLOWED_HOSTS = ["*"]
USE_TZ = True
SITE_ID = 1
ROOT_URLCONF = "bench_site"
STATIC_URL = "/static/"
MEDIA_ROOT = {folder!r}
DEFAULT_AUTO_FIELD = "django.db.models.AutoField"
DEFAULT_FROM_EMAIL = {community!r}
EMAIL_HOST, EMAIL_PORT = "127.0.0.1", {smtp}
HELPDESK_TEAMS_MODE_ENABLED = False
HELPDESK_PUBLIC_ENABLED = True
DATABASES = {{"default": {{"ENGINE": "django.db.backends.sqlite3", "NAME": {folder!r} + "/db.sqlite3"}}}}
INSTALLED_APPS = [
    "django.contrib.admin", "django.contrib.auth", "django.contrib.contenttypes", "django.contrib.sessions",
    "django.contrib.sites", "django.contrib.messages", "django.contrib.staticfiles", "django.contrib.humanize",
    "rest_framework", "helpdesk",
]
MIDDLEWARE = [
    "django.contrib.sessions.middleware.SessionMiddleware", "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
]
TEMPLATES = [{{"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True, "OPTIONS": {{
    "context_processors": [
        "django.template.context_processors.request", "django.contrib.auth.context_processors.auth",
        "django.contrib.messages.context_processors.messages",
    ],
}}}}]
LOGGING_CONFIG = None
"""
URLS = """
from django.urls import include, path
urlpatterns = [path("", include("helpdesk.urls", namespace="helpdesk"))]
"""
QUEUE = """
import django
django.setup()
from helpdesk.models import Queue
Queue.objects.create(
    title="Help", slug="help", email_address={community!r}, allow_email_submission=True, new_ticket_cc={people!r},
    email_box_type="imap", email_box_host="127.0.0.1", email_box_port={imap}, email_box_ssl=True,
    email_box_user={user!r}, email_box_pass={password!r}, email_box_imap_folder="INBOX", email_box_interval=0,
    enable_notifications_on_email_events=True,
)
"""
COUNT = "import django; django.setup(); from helpdesk.models import Ticket; print(Ticket.objects.count())"


def missing() -> str:
    """What to install."""
    found = PYTHON.exists() and any(PEERS.glob("lib/python*/site-packages/helpdesk"))
    return "" if found else "django-helpdesk (pip)"


def compete(arena: Arena, count: int) -> Cost:
    """Read the queue's mailbox once."""
    with arena.round(count) as (user, folder), arena.sending(SENDS * count):
        environ = {**os.environ, "PYTHONPATH": str(folder), "DJANGO_SETTINGS_MODULE": "bench_settings"}
        _site(arena, user, folder)
        django = [str(PYTHON), "-m", "django"]
        for words in (["migrate"], ["loaddata", "emailtemplate.json"]):
            _quiet([*django, *words], environ)
        _quiet([str(PYTHON), str(folder / "queue_setup.py")], environ)
        settings = {"PYTHONPATH": str(folder), "DJANGO_SETTINGS_MODULE": "bench_settings"}
        cost = run([*django, "get_email", "--quiet"], **settings)
        tickets = int(_quiet([str(PYTHON), "-c", COUNT], environ))
    if tickets != count:
        raise NotTheWorkError(f"{tickets} tickets instead of {count}")
    return cost


def _site(arena: Arena, user: str, folder: Path) -> None:
    facts = {
        "folder": str(folder), "community": COMMUNITY, "smtp": arena.sink.port, "people": ",".join(RECIPIENTS),
        "imap": arena.server.imaps_port, "user": user, "password": arena.server.password,
    }  # fmt: skip
    (folder / "bench_settings.py").write_text(SETTINGS.format(**facts))
    (folder / "bench_site.py").write_text(URLS)
    (folder / "queue_setup.py").write_text(QUEUE.format(**facts))


def _quiet(command: list[str], environ: dict[str, str]) -> str:
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
    if done.returncode:
        raise NotTheWorkError(f"{' '.join(command[1:4])}: {done.stderr[-600:]}")
    return done.stdout
