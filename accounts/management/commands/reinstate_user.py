from accounts.management.commands import approve_user


class Command(approve_user.Command):
    help = "Let a suspended person back in."
    outcome = "may sign in again"
